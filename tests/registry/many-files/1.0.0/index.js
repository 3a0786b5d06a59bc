module.exports = { name: "many-files", version: "1.0.0" };
