exports.name = 'requires-itself';
