require('fs').writeFileSync('generated-by-preinstall.js', 'module.exports = 1;\n');
