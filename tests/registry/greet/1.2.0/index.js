const words = require('greet-words');
module.exports = (who) => `${words.hello}, ${who}!`;
