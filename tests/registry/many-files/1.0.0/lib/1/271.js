module.exports = 271;
