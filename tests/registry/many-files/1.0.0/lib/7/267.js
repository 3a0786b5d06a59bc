module.exports = 267;
