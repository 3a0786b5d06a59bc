#!/usr/bin/env node
console.log('Hello from the parent!');
