module.exports = { name: "@pnpm.e2e/peer-c", version: "2.0.0" };
