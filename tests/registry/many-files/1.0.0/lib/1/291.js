module.exports = 291;
