import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitStatements } from './statements.ts';

test.each([
  ['select 1; select 2', ['select 1'], ' select 2', 'statement'],
  [';; ;', [], '', 'statement'],
  ["select ';'; x", ["select ';'"], ' x', 'statement'],
  ["select 'it''s; fine';", ["select 'it''s; fine'"], '', 'statement'],
  ["select E'\\';'; a", ["select E'\\';'"], ' a', 'statement'],
  ["select name'\\'; a", ["select name'\\'"], ' a', 'statement'],
  ["select 'open; ", [], "select 'open; ", 'quoted'],
  ['select "a;b"; c', ['select "a;b"'], ' c', 'statement'],
  ['select "open', [], 'select "open', 'identifier'],
  ['select 1 -- no; end\n; b', ['select 1 -- no; end'], ' b', 'statement'],
  ['select 5 - 3; b', ['select 5 - 3'], ' b', 'statement'],
  ['select /* a; /* b; */ c; */ 1; d', ['select /* a; /* b; */ c; */ 1'], ' d', 'statement'],
  ['select /* open;', [], 'select /* open;', 'comment'],
  ['select $$a;b$$, $x$;$$;$x$; c', ['select $$a;b$$, $x$;$$;$x$'], ' c', 'statement'],
  ['select $x$ open; $$', [], 'select $x$ open; $$', 'dollar'],
  ['select $1; b', ['select $1'], ' b', 'statement'],
] as const)('%s', (text, statements, rest, state) => {
  expect(splitStatements(text)).toEqual({ statements, rest, state });
});

test('a text typed in two parts is cut like the whole', () => {
  const piece = fc.constantFrom("'", '"', ';', '-', '--', '\n', '/*', '*/', '$$', '$a$', 'x', ' ', 'e');
  fc.assert(
    fc.property(fc.array(piece), fc.array(piece), (first, second) => {
      const [head, tail] = [`${first.join('')}\n`, second.join('')];
      const start = splitStatements(head);
      const end = splitStatements(start.rest + tail);
      const whole = splitStatements(head + tail);
      expect([...start.statements, ...end.statements]).toEqual(whole.statements);
      expect(end.rest).toBe(whole.rest);
    }),
  );
});
