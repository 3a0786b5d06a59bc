module.exports = 289;
