module.exports = { name: "@pnpm.e2e/only-linux", version: "1.0.0" };
