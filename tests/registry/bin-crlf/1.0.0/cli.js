#!/usr/bin/env node
console.log('crlf');
