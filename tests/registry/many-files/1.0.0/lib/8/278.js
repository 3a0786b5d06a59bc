module.exports = 278;
