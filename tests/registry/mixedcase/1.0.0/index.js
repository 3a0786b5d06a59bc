module.exports = { name: "mixedcase", version: "1.0.0" };
