module.exports = 258;
