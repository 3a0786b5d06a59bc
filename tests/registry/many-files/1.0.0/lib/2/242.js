module.exports = 242;
