module.exports = 274;
