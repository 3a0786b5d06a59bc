module.exports = { name: "clash", version: "2.0.0" };
