module.exports = { name: "@pnpm.e2e/bar", version: "100.0.0" };
