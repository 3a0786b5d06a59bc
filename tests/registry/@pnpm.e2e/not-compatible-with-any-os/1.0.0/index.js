module.exports = { name: "@pnpm.e2e/not-compatible-with-any-os", version: "1.0.0", get "@pnpm.e2e/dep-of-optional-pkg"() { return require("@pnpm.e2e/dep-of-optional-pkg"); } };
