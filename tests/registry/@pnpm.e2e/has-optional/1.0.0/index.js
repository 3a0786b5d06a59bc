module.exports = { name: "@pnpm.e2e/has-optional", version: "1.0.0", get "chain-e"() { return require("chain-e"); } };
