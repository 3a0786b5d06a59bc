module.exports = { name: "has-native", version: "1.0.0" };
