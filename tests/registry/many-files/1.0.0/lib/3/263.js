module.exports = 263;
