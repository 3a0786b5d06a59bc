require('fs').writeFileSync('generated-by-prepare.js', 'module.exports = 1;\n');
