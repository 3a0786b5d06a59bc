#!/usr/bin/env node
console.log('peer with bin');
