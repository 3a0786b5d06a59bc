module.exports = { name: "@pnpm.e2e/dep-of-pkg-with-1-dep", version: "101.0.0" };
