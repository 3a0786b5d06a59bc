module.exports = 277;
