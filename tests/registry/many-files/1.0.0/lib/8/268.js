module.exports = 268;
