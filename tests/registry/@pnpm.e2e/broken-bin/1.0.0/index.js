module.exports = { name: "@pnpm.e2e/broken-bin", version: "1.0.0" };
