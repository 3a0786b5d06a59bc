export const name = 'esm-only';
