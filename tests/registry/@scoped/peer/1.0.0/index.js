module.exports = { name: "@scoped/peer", version: "1.0.0" };
