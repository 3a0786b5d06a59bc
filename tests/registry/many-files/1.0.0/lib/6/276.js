module.exports = 276;
