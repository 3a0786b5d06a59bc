module.exports = { name: "bin-no-shebang", version: "1.0.0" };
