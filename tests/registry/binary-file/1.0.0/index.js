module.exports = { name: "binary-file", version: "1.0.0" };
