module.exports = { name: "chain-b", version: "1.0.0", get "chain-c"() { return require("chain-c"); } };
