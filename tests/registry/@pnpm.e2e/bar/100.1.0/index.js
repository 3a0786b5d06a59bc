module.exports = { name: "@pnpm.e2e/bar", version: "100.1.0" };
