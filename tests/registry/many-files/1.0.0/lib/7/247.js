module.exports = 247;
