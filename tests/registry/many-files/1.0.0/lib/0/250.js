module.exports = 250;
