module.exports = 281;
