module.exports = { name: "peer-with-bin", version: "1.0.0" };
