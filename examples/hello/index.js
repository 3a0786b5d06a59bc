console.log(require('greet')('world'));
