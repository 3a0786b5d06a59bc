module.exports = 262;
