module.exports = 264;
