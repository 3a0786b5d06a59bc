module.exports = { name: "bin-crlf", version: "1.0.0" };
