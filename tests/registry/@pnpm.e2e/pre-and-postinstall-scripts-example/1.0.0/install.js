require('fs').writeFileSync('generated-by-install.js', 'module.exports = 1;\n');
