module.exports = 257;
