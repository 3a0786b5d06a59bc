module.exports = 265;
