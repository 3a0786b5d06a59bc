module.exports = 292;
