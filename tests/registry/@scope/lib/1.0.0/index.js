module.exports = { name: "@scope/lib", version: "1.0.0" };
