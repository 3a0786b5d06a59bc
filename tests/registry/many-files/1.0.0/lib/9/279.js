module.exports = 279;
