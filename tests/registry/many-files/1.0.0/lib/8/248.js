module.exports = 248;
