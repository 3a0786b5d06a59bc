module.exports = { name: "wants-clash-2", version: "1.0.0", get "clash"() { return require("clash"); } };
