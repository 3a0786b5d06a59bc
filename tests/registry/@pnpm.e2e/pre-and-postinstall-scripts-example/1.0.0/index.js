module.exports = { name: "@pnpm.e2e/pre-and-postinstall-scripts-example", version: "1.0.0" };
