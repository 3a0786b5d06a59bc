module.exports = 240;
