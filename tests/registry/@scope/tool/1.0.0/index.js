module.exports = { name: "@scope/tool", version: "1.0.0", get "@scope/lib"() { return require("@scope/lib"); } };
