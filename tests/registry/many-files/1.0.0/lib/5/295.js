module.exports = 295;
