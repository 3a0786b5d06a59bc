module.exports = { name: "unicode-names", version: "1.0.0" };
