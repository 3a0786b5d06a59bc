module.exports = 286;
