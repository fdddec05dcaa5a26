import { describe, expect, test } from 'vitest';
import { type PhysicalPlan, planInsert, type TableDefinition } from './index.ts';
import { context, failure, readings, statement, tables } from './test-tables.ts';

function insert(sql: string, target: TableDefinition = readings): PhysicalPlan {
  const parsed = statement(sql);
  if (parsed.kind !== 'insert') throw new Error('no INSERT');
  return planInsert(parsed, target, tables, context);
}

test("literal rows are read into the table's types at once", () => {
  const plan = insert("INSERT INTO readings (value, id) VALUES (1, 2), ('2.555', 3.4), (-1.5, NULL)");
  expect(plan.schema).toEqual(readings.schema);
  expect(plan.dissemination).toEqual({ kind: 'none' });
  expect(plan.opgraphs[0]?.root).toMatchObject({
    kind: 'values',
    rows: [
      [2n, null, null, 100n, null],
      [3n, null, null, 256n, null],
      [null, null, null, -150n, null],
    ],
  });
});

test('rows that need run time become projections', () => {
  const plan = insert("INSERT INTO readings (id, device) VALUES (1, 'a'), (2, lower('B')), (3, 'c')");
  expect(plan.opgraphs[0]?.root).toMatchObject({
    kind: 'union',
    inputs: [{ kind: 'values' }, { kind: 'project' }, { kind: 'values' }],
  });
});

test("a query's rows get the table's schema", () => {
  for (const sql of [
    'INSERT INTO readings SELECT distance, origin FROM flights',
    "INSERT INTO readings (id, at) SELECT 1, '2001-01-01'",
    'INSERT INTO readings SELECT * FROM readings ORDER BY id LIMIT 3',
    'INSERT INTO readings (id) SELECT count(*) FROM flights',
    'INSERT INTO readings (id, value) VALUES (1, 2) ORDER BY 1',
  ]) {
    expect(insert(sql).schema, sql).toEqual(readings.schema);
  }
});

describe('errors', () => {
  test.each([
    [
      'INSERT INTO readings (id, idd) VALUES (1, 2)',
      'unknownColumn',
      'column "idd" of relation "readings" does not exist',
      26,
    ],
    ['INSERT INTO readings (id, id) VALUES (1, 2)', 'duplicateColumn', 'column "id" specified more than once', 26],
    ['INSERT INTO readings (id) VALUES (1, 2)', 'syntax', 'INSERT has more expressions than target columns', 37],
    ['INSERT INTO readings (id, device) VALUES (1)', 'syntax', 'INSERT has more target columns than expressions', 34],
    [
      "INSERT INTO readings VALUES (1, 'a', now(), 1, 2, 3)",
      'syntax',
      'INSERT has more expressions than target columns',
      50,
    ],
    [
      'INSERT INTO readings (id) VALUES (true)',
      'typeMismatch',
      'column "id" is of type bigint but expression is of type boolean',
      34,
    ],
    ["INSERT INTO readings (id) VALUES ('x')", 'invalidText', 'invalid input syntax for type bigint: "x"', 34],
    [
      'INSERT INTO readings (id) SELECT origin FROM flights',
      'typeMismatch',
      'column "id" is of type bigint but expression is of type text',
      26,
    ],
  ])('%s', (sql, code, message, position) => {
    const error = failure(() => insert(sql));
    expect({ code: error.code, message: error.message, position: error.position }).toEqual({ code, message, position });
  });

  test('only distributed tables take rows', () => {
    const error = failure(() =>
      insert('INSERT INTO flights (delay) VALUES (1)', tables.get('flights') as TableDefinition),
    );
    expect(error.code).toBe('wrongObjectType');
    expect(error.position).toBe(12);
  });
});
