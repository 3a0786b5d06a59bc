module.exports = { name: "@pnpm.e2e/failing-postinstall", version: "1.0.0" };
