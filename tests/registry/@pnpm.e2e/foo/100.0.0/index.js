module.exports = { name: "@pnpm.e2e/foo", version: "100.0.0" };
