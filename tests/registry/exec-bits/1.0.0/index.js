module.exports = { name: "exec-bits", version: "1.0.0" };
