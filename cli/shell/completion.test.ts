import { expect, test } from 'vitest';
import { FakeSessions, texts } from '../testing/fake-sessions.ts';
import { Completion } from './completion.ts';

const sessions = new FakeSessions({
  'SHOW TABLES': () => texts('table_name', ['flights', 'airports']),
  'DESCRIBE flights': () => texts('column_name', ['carrier', 'delay']),
});

test.each<[string, string, string, string[]]>([
  ['a keyword, in the case it was begun in', '', 'sel', ['select']],
  ['a keyword in capitals', '', 'SEL', ['SELECT']],
  ['a table', '', 'select * from fl', ['flights']],
  ['a system table', '', 'select * from sys.n', ['sys.nodes']],
  ['a column of a table that the statement names', 'select *\nfrom flights\n', 'where del', ['delay']],
  ['no column of other tables', 'select *\nfrom flights2\n', 'where del', []],
  ['a command', '', '\\t', ['\\timing']],
])('completes %s', async (_, statement, line, expected) => {
  const [candidates, replaced] = await new Completion(sessions.openSession()).complete(statement, line);
  expect(candidates).toEqual(expected);
  expect(line.endsWith(replaced)).toBe(true);
});

test('asks the fleet for its tables once, until it is told to forget', async () => {
  const counted = new FakeSessions({ 'SHOW TABLES': () => texts('table_name', ['a']) });
  const completion = new Completion(counted.openSession());
  await completion.complete('', 'x');
  await completion.complete('', 'y');
  expect(counted.asked).toEqual(['SHOW TABLES']);
  completion.forget();
  await completion.complete('', 'z');
  expect(counted.asked).toHaveLength(2);
});

test('completes keywords when the fleet cannot be asked', async () => {
  const [candidates] = await new Completion(new FakeSessions({}).openSession()).complete('', 'grou');
  expect(candidates).toEqual(['group by']);
});
