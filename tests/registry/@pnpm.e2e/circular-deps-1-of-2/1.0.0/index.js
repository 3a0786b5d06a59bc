exports.name = '1-of-2';
exports.other = require('@pnpm.e2e/circular-deps-2-of-2');
