#!/usr/bin/env node
console.log('ws-lib');
