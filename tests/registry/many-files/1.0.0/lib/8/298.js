module.exports = 298;
