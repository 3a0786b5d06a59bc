module.exports = 241;
