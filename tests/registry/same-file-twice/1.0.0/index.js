module.exports = { name: "same-file-twice", version: "1.0.0" };
