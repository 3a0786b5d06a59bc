module.exports = { name: "chain-d", version: "1.0.0", get "chain-e"() { return require("chain-e"); } };
