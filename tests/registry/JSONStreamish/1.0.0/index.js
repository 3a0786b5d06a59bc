#!/usr/bin/env node
console.log('json');
