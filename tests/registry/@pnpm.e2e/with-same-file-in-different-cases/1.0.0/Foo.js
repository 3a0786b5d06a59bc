module.exports = 'Foo';
