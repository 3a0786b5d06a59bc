module.exports = 285;
