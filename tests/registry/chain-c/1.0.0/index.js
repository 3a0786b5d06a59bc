module.exports = { name: "chain-c", version: "1.0.0", get "chain-d"() { return require("chain-d"); } };
