module.exports = { name: "deep-directories", version: "1.0.0" };
