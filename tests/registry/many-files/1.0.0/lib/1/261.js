module.exports = 261;
