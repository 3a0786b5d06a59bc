module.exports = { name: "@pnpm.e2e/foo", version: "100.1.0" };
