module.exports = { name: "@pnpm.e2e/for-testing-peers-having-bins", version: "1.0.0", get "@pnpm.e2e/hello-world-js-bin"() { return require("@pnpm.e2e/hello-world-js-bin"); } };
