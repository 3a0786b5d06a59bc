module.exports = 249;
