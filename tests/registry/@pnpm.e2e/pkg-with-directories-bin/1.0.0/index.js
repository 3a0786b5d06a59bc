module.exports = { name: "@pnpm.e2e/pkg-with-directories-bin", version: "1.0.0" };
