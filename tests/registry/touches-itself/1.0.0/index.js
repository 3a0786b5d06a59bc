module.exports = { name: "touches-itself", version: "1.0.0" };
