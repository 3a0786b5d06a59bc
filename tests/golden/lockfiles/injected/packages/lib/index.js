module.exports = require('clash').version;
