#!/usr/bin/env node
console.log('two', process.argv.slice(2).join(' '));
