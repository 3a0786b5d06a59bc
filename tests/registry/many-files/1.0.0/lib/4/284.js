module.exports = 284;
