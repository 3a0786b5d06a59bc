module.exports = { name: "chain-e", version: "1.0.0" };
