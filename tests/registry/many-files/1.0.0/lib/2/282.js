module.exports = 282;
