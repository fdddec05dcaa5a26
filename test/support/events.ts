import { type Schema, types } from '../../columnar/index.ts';
import { iteratorTable } from '../../engine/index.ts';
import type { TablesOf } from './fleet.ts';

export type Cell = string | number | null;
export type Row = readonly Cell[];

interface Event {
  readonly node: number;
  readonly seq: number;
  readonly grp: number;
  readonly val: number;
}

export const eventsPerNode = 40;
const groups = 12;
/** Fewer than groups: some events find no label. */
const labels = 9;

const schema: Schema = { fields: ['node', 'seq', 'grp', 'val'].map((name) => ({ name, type: types.int4 })) };

/** The rows of one node: whoever knows which nodes took part knows the answer. */
function eventsOf(node: number): Event[] {
  return Array.from({ length: eventsPerNode }, (_, seq) => {
    const scrambled = ((node * 7_919 + seq * 104_729 + 12_345) * 2_654_435_761) % 4_294_967_296;
    return { node, seq, grp: scrambled % groups, val: scrambled % 10_007 };
  });
}

/** A local table on every node. */
export const eventTables: TablesOf = (index) => [
  iteratorTable('events', schema, () => eventsOf(index).map((event) => ({ ...event }))),
];

export const labelTables = {
  create: 'CREATE TABLE labels (grp int4 PRIMARY KEY, label text)',
  load: `INSERT INTO labels VALUES ${labelRows()
    .map(([grp, label]) => `(${grp}, '${label}')`)
    .join(', ')}`,
} as const;

function labelRows(): [number, string][] {
  return Array.from({ length: labels }, (_, grp) => [grp, `label ${grp}`]);
}

/** A query over `events` and the distributed `labels`, and what it must answer. */
export interface EventQuery {
  readonly title: string;
  readonly sql: string;
  readonly ordered: boolean;
  /** The answer over the events of these nodes. */
  answer(nodes: readonly number[]): readonly Row[];
  /** Whether a partial answer holds nothing that these nodes do not have, and nothing twice. */
  isPartOf(rows: readonly Row[], nodes: readonly number[]): boolean;
}

const eventsOn = (nodes: readonly number[]): Event[] => nodes.flatMap(eventsOf);
const labelOf = (grp: number): string | null => (grp < labels ? `label ${grp}` : null);

/** A bag of rows: part of the whole answer when every row is in it often enough. */
function bag(title: string, sql: string, answer: EventQuery['answer']): EventQuery {
  return { title, sql, ordered: false, answer, isPartOf: (rows, nodes) => isSubBag(rows, answer(nodes)) };
}

/** Groups with a count in the last column: part of the whole when each count is at most what it should be. */
function counts(title: string, sql: string, answer: EventQuery['answer']): EventQuery {
  const isPartOf = (rows: readonly Row[], nodes: readonly number[]): boolean => {
    const whole = new Map(answer(nodes).map((row) => [JSON.stringify(row.slice(0, -1)), Number(row.at(-1))]));
    const seen = new Set(rows.map((row) => JSON.stringify(row.slice(0, -1))));
    const isWithin = (row: Row): boolean => Number(row.at(-1)) <= (whole.get(JSON.stringify(row.slice(0, -1))) ?? 0);
    return seen.size === rows.length && rows.every(isWithin);
  };
  return { title, sql, ordered: false, answer, isPartOf };
}

function countBy(keys: readonly Row[]): Row[] {
  const counted = new Map<string, number>();
  for (const key of keys) counted.set(JSON.stringify(key), (counted.get(JSON.stringify(key)) ?? 0) + 1);
  return [...counted].map(([key, count]) => [...(JSON.parse(key) as Cell[]), count]);
}

function isSubBag(rows: readonly Row[], whole: readonly Row[]): boolean {
  const left = new Map<string, number>();
  for (const row of whole) left.set(JSON.stringify(row), (left.get(JSON.stringify(row)) ?? 0) + 1);
  return rows.every((row) => {
    const text = JSON.stringify(row);
    const count = left.get(text) ?? 0;
    left.set(text, count - 1);
    return count > 0;
  });
}

const labelled = (nodes: readonly number[]): Row[] =>
  eventsOn(nodes).flatMap(({ node, seq, grp }) => {
    const label = labelOf(grp);
    return label === null ? [] : [[node, seq, label]];
  });

const top: EventQuery = {
  title: 'top-k up the tree',
  sql: 'SELECT node, seq, val FROM events ORDER BY val DESC, node, seq LIMIT 7',
  ordered: true,
  answer: (nodes) =>
    eventsOn(nodes)
      .sort((a, b) => b.val - a.val || a.node - b.node || a.seq - b.seq)
      .slice(0, 7)
      .map(({ node, seq, val }) => [node, seq, val]),
  isPartOf: (rows, nodes) =>
    isSubBag(
      rows,
      eventsOn(nodes).map(({ node, seq, val }) => [node, seq, val]),
    ),
};

/** An outer join that lost rows of one side answers with NULLs instead: only a complete answer can be judged. */
const leftJoin: EventQuery = {
  title: 'left join, then groups',
  sql: 'SELECT l.label, count(*) AS n FROM events e LEFT JOIN labels l ON e.grp = l.grp GROUP BY l.label',
  ordered: false,
  answer: (nodes) => countBy(eventsOn(nodes).map(({ grp }) => [labelOf(grp)])),
  isPartOf: (rows, nodes) => rows.reduce((sum, row) => sum + Number(row[1]), 0) <= eventsOn(nodes).length,
};

export const eventQueries: readonly EventQuery[] = [
  counts('aggregate without groups', 'SELECT count(*) AS n FROM events', (nodes) => [[eventsOn(nodes).length]]),
  counts('groups by hash', 'SELECT grp, count(*) AS n FROM events GROUP BY grp', (nodes) =>
    countBy(eventsOn(nodes).map(({ grp }) => [grp])),
  ),
  bag('join by rehash', 'SELECT e.node, e.seq, l.label FROM events e JOIN labels l ON e.grp = l.grp', labelled),
  leftJoin,
  top,
  bag('plain scan', 'SELECT node, seq, val FROM events', (nodes) =>
    eventsOn(nodes).map(({ node, seq, val }) => [node, seq, val]),
  ),
  bag('union', 'SELECT node, seq FROM events WHERE grp = 1 UNION ALL SELECT grp, -1 FROM labels', (nodes) => [
    ...eventsOn(nodes)
      .filter(({ grp }) => grp === 1)
      .map(({ node, seq }) => [node, seq]),
    ...labelRows().map(([grp]) => [grp, -1]),
  ]),
  bag('key lookup', 'SELECT grp, label FROM labels WHERE grp = 5', () => [[5, 'label 5']]),
  counts('aggregate over a distributed table', 'SELECT count(*) AS n FROM labels', () => [[labels]]),
  counts(
    'groups over a join, the largest first',
    `SELECT l.label, count(*) AS n FROM events e JOIN labels l ON e.grp = l.grp
     GROUP BY l.label ORDER BY n DESC, l.label LIMIT 100`,
    (nodes) => countBy(labelled(nodes).map(([, , label]) => [label ?? null])),
  ),
  {
    ...counts(
      'groups of groups, four waves',
      'SELECT g.n, count(*) AS times FROM (SELECT grp, count(*) AS n FROM events GROUP BY grp) g GROUP BY g.n',
      (nodes) => countBy(countBy(eventsOn(nodes).map(({ grp }) => [grp])).map(([, n]) => [n ?? null])),
    ),
    isPartOf: (rows) => rows.reduce((sum, row) => sum + Number(row[1]), 0) <= groups,
  },
];
