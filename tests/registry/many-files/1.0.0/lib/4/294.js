module.exports = 294;
