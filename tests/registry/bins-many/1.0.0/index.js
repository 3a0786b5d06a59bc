module.exports = { name: "bins-many", version: "1.0.0" };
