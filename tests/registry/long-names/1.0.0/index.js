module.exports = { name: "long-names", version: "1.0.0" };
