module.exports = 259;
