exports.name = '2-of-2';
exports.other = require('@pnpm.e2e/circular-deps-1-of-2');
