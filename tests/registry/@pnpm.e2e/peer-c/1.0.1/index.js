module.exports = { name: "@pnpm.e2e/peer-c", version: "1.0.1" };
