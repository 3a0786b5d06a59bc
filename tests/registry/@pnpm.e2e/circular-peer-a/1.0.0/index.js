module.exports = { name: "@pnpm.e2e/circular-peer-a", version: "1.0.0" };
