module.exports = { name: "@pnpm.e2e/peer-a", version: "1.0.0" };
