module.exports = 288;
