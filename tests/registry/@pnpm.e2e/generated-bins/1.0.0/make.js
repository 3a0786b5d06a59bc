const fs = require('fs');
fs.mkdirSync('bin', { recursive: true });
for (const n of ['cmd1', 'cmd2']) fs.writeFileSync('bin/' + n, '#!/usr/bin/env node\nconsole.log("' + n + '");\n', { mode: 0o755 });
