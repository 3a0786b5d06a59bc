module.exports = 283;
