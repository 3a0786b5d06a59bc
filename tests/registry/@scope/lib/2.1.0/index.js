module.exports = { name: "@scope/lib", version: "2.1.0" };
