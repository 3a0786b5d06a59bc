module.exports = { name: "@pnpm.e2e/circular-peer-b", version: "1.0.0" };
