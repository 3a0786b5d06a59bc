module.exports = { name: "only-musl", version: "1.0.0" };
