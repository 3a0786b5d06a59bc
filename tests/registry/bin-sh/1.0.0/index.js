module.exports = { name: "bin-sh", version: "1.0.0" };
