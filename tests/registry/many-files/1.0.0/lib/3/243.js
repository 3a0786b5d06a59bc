module.exports = 243;
