module.exports = { name: "@pnpm.e2e/dep-of-optional-pkg", version: "1.0.0" };
