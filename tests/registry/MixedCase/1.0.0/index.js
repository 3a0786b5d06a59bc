module.exports = { name: "MixedCase", version: "1.0.0" };
