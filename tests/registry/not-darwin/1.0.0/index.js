module.exports = { name: "not-darwin", version: "1.0.0" };
