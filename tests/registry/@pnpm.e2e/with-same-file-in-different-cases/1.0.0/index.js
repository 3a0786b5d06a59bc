module.exports = { name: "@pnpm.e2e/with-same-file-in-different-cases", version: "1.0.0" };
