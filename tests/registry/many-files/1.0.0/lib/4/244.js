module.exports = 244;
