module.exports = 266;
