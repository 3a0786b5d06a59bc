require('fs').writeFileSync('generated-by-postinstall.js', 'module.exports = 1;\n');
