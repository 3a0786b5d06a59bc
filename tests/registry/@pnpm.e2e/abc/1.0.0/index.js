module.exports = { name: "@pnpm.e2e/abc", version: "1.0.0", get "@pnpm.e2e/dep-of-pkg-with-1-dep"() { return require("@pnpm.e2e/dep-of-pkg-with-1-dep"); } };
