#!/usr/bin/env node
console.log('scoped tool', require('@scope/lib').version);
