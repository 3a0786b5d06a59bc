module.exports = 245;
