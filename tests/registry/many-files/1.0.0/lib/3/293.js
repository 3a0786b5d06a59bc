module.exports = 293;
