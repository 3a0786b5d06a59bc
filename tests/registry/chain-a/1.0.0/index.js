module.exports = { name: "chain-a", version: "1.0.0", get "chain-b"() { return require("chain-b"); } };
