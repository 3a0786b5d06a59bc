console.log('no shebang');
