module.exports = { name: "@pnpm.e2e/peer-b", version: "1.0.0" };
