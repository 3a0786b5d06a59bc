module.exports = 296;
