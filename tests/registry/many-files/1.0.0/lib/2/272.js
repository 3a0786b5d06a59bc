module.exports = 272;
