export type * from './ast.ts';
export { ParseError } from './error.ts';
export { sqlLengthMax } from './lexer.ts';
export { parse } from './parse.ts';
export { renderErrorAt } from './render.ts';
