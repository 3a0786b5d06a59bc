module.exports = 297;
