#!/usr/bin/env node
console.log('directories');
