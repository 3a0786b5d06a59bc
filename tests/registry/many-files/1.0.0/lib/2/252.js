module.exports = 252;
