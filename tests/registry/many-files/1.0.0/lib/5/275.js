module.exports = 275;
