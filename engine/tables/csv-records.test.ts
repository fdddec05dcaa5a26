import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CsvRecords, fieldForm } from './csv-records.ts';

function fieldsOf(records: CsvRecords, rows: number): string[][] {
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: records.width }, (_, column) => {
      const i = row * records.width + column;
      const text = new TextDecoder().decode(records.bytes.subarray(records.starts[i], records.ends[i]));
      return records.forms[i] === fieldForm.escaped ? text.replaceAll('""', '"') : text;
    }),
  );
}

function split(text: string, delimiter = ','): string[][] {
  const records = new CsvRecords('t.csv', delimiter.charCodeAt(0));
  const { rows } = records.take(new TextEncoder().encode(text), true, 1_000, 1);
  return fieldsOf(records, rows);
}

test('quotes, pairs of quotes, delimiters and newlines in fields, all line ends, blank lines', () => {
  expect(split('a,b\n"x, y","say ""hi"""\r\n"1\n2",\r\n\n,""\rlast,one')).toEqual([
    ['a', 'b'],
    ['x, y', 'say "hi"'],
    ['1\n2', ''],
    ['', ''],
    ['last', 'one'],
  ]);
  expect(split('a;b\n1,5;2', ';')).toEqual([
    ['a', 'b'],
    ['1,5', '2'],
  ]);
});

test('a blank line is an empty field where records have one', () => {
  expect(split('a\n\nb\n')).toEqual([['a'], [''], ['b']]);
});

test('malformed records are errors that name the line', () => {
  expect(() => split('a,b\n1,2\n1,2,3\n')).toThrow('t.csv, line 3: 3 fields where the header has 2');
  expect(() => split('a,b\n"x\ny",2\n1\n')).toThrow('t.csv, line 4: 1 field where the header has 2');
  expect(() => split('a,b\n1,"2\n3,4\n')).toThrow('t.csv, line 2: a quote is opened and never closed');
  expect(() => split('a,b\n"1"x,2\n')).toThrow('t.csv, line 2: text follows a closing quote');
});

const cell = fc.oneof(fc.string(), fc.stringMatching(/^[",\r\n a]{0,6}$/));
const grid = fc
  .integer({ min: 2, max: 4 })
  .chain((width) => fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 8 }));

function write(rows: readonly (readonly string[])[], newline: string): string {
  const quoted = (text: string) => (/[",\r\n]/.test(text) || text === '' ? `"${text.replaceAll('"', '""')}"` : text);
  return rows.map((row) => row.map(quoted).join(',')).join(newline);
}

test('what is written is read, wherever the bytes are cut', () => {
  fc.assert(
    fc.property(grid, fc.constantFrom('\n', '\r\n', '\r'), fc.nat(), (rows, newline, cut) => {
      const bytes = new TextEncoder().encode(write(rows, newline));
      const records = new CsvRecords('t.csv', ','.charCodeAt(0));
      const at = cut % (bytes.length + 1);
      const head = records.take(bytes.subarray(0, at), false, 1_000, 1);
      expect(head.bytesTaken).toBeLessThanOrEqual(at);
      const first = fieldsOf(records, head.rows);
      const tail = records.take(bytes.subarray(head.bytesTaken), true, 1_000, 1);
      const read = [...first, ...fieldsOf(records, tail.rows)];
      expect(read).toEqual(
        rows.map((row) => row.map((text) => new TextDecoder().decode(new TextEncoder().encode(text)))),
      );
    }),
  );
});
