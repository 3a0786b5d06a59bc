module.exports = 255;
