module.exports = 251;
