module.exports = 299;
