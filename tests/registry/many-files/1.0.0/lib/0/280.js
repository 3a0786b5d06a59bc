module.exports = 280;
