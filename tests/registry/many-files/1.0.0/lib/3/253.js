module.exports = 253;
