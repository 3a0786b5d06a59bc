module.exports = { name: "@pnpm.e2e/generated-bins", version: "1.0.0" };
