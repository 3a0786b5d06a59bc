module.exports = 287;
