module.exports = { name: "deprecated-pkg", version: "1.0.0" };
