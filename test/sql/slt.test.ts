import { expect, test } from 'vitest';
import { type RawAnswer, type SqlEngine, SqlFailure } from './engine.ts';
import { replay } from './replay.ts';
import { parseSlt, printSlt } from './slt.ts';

const text = `# What this file is about.

statement error 42P01: .*nothing
SELECT * FROM nothing

# A comment of the record.
skipif postgres
statement count 2
INSERT INTO t VALUES (1),
  (2)

onlyif postgres
query T
SELECT 'not ours'
----
not ours

query IT rowsort pair
SELECT a,
  b FROM t
----
1	x
2	NULL

query R nosort
SELECT 0.1 + 0.2
----
0.3
`;

const integer = 23;
const word = 25;
const float = 701;

function engineOf(answers: Readonly<Record<string, Partial<RawAnswer> | SqlFailure>>): SqlEngine {
  return {
    name: 'wharf',
    ask: (sql) => {
      const answer = answers[sql.slice(0, 8)];
      if (answer instanceof SqlFailure) return Promise.reject(answer);
      return Promise.resolve({ oids: [], rows: [], rowsAffected: null, ...answer });
    },
  };
}

const right = {
  'SELECT *': new SqlFailure('42P01', 'there is nothing'),
  'INSERT I': { rowsAffected: 2 },
  'SELECT a': {
    oids: [integer, word],
    rows: [
      ['2', null],
      ['1', 'x'],
    ],
  },
  'SELECT 0': { oids: [float], rows: [['0.30000000000000004']] },
};

test('a file is read into records, and printed as it was', () => {
  const file = parseSlt(text);
  expect(file.records.map(({ line, kind }) => `${line} ${kind}`)).toEqual([
    '3 statement',
    '8 statement',
    '13 query',
    '18 query',
    '25 query',
  ]);
  expect(file.records[1]).toMatchObject({ count: 2, engines: ['wharf'], sql: 'INSERT INTO t VALUES (1),\n  (2)' });
  expect(file.records[2]).toMatchObject({ engines: ['postgres'], sorted: false, label: null });
  expect(file.records[3]).toMatchObject({
    sorted: true,
    label: 'pair',
    expected: { types: 'IT', rows: ['1\tx', '2\tNULL'] },
  });
  expect(printSlt(file, new Map())).toBe(text);
  expect(() => parseSlt('\nquestion I\nSELECT 1')).toThrow('line 2: not a record');
});

test('an engine that answers as written does not deviate', async () => {
  expect((await replay(parseSlt(text), engineOf(right))).deviations).toEqual([]);
});

test.each([
  [3, { ...right, 'SELECT *': {} }],
  [3, { ...right, 'SELECT *': new SqlFailure('42703', 'there is nothing') }],
  [8, { ...right, 'INSERT I': { rowsAffected: 3 } }],
  [8, { ...right, 'INSERT I': new SqlFailure('42P01', 'there is nothing') }],
  [
    18,
    {
      ...right,
      'SELECT a': {
        oids: [integer, integer],
        rows: [
          ['2', null],
          ['1', 'x'],
        ],
      },
    },
  ],
  [18, { ...right, 'SELECT a': { oids: [integer, word], rows: [['1', 'x']] } }],
  [
    18,
    {
      ...right,
      'SELECT a': {
        oids: [integer, word],
        rows: [
          ['2', ''],
          ['1', 'x'],
        ],
      },
    },
  ],
  [25, { ...right, 'SELECT 0': { oids: [float], rows: [['0.3000001']] } }],
])('a deviation at line %i is found', async (line, answers) => {
  const { deviations } = await replay(parseSlt(text), engineOf(answers));
  expect(deviations.map((deviation) => deviation.line)).toEqual([line]);
});

test('other answers replace those in the file', async () => {
  const file = parseSlt(text);
  const { answers } = await replay(file, engineOf({ ...right, 'SELECT a': { oids: [float], rows: [['1'], ['']] } }));
  expect(printSlt(file, answers)).toBe(text.replace('query IT', 'query R').replace('1\tx\n2\tNULL', '(empty)\n1'));
});
