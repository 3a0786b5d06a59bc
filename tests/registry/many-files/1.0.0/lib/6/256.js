module.exports = 256;
