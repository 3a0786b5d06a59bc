module.exports = 290;
