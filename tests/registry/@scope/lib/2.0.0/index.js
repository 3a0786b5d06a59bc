module.exports = { name: "@scope/lib", version: "2.0.0" };
