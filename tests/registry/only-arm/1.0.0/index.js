module.exports = { name: "only-arm", version: "1.0.0" };
