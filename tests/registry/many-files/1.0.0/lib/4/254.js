module.exports = 254;
