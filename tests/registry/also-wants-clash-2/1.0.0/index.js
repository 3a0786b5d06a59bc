module.exports = { name: "also-wants-clash-2", version: "1.0.0", get "clash"() { return require("clash"); } };
