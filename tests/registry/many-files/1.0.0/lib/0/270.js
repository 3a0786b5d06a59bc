module.exports = 270;
