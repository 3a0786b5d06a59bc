module.exports = 246;
