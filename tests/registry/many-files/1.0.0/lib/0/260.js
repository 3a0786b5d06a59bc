module.exports = 260;
