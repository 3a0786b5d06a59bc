module.exports = { name: "@pnpm.e2e/abc-optional-peers", version: "1.0.0" };
