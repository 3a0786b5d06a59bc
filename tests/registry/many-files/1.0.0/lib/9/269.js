module.exports = 269;
