module.exports = 273;
