module.exports = { name: "@having/scoped-peer", version: "1.0.0" };
