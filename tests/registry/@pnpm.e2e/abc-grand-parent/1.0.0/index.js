module.exports = { name: "@pnpm.e2e/abc-grand-parent", version: "1.0.0", get "@pnpm.e2e/abc-parent-with-ab"() { return require("@pnpm.e2e/abc-parent-with-ab"); } };
