module.exports = { name: "@pnpm.e2e/foobar", version: "100.0.0", get "@pnpm.e2e/foo"() { return require("@pnpm.e2e/foo"); }, get "@pnpm.e2e/bar"() { return require("@pnpm.e2e/bar"); } };
