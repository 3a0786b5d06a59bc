module.exports = { name: "clash", version: "1.0.0" };
