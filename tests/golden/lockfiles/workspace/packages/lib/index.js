module.exports = { name: 'ws-lib', chain: require('chain-d').name };
