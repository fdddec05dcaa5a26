import { createServer } from 'node:net';
import { tableFromIPC } from 'apache-arrow';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ask,
  expectOneMessage,
  type Finished,
  type Fleet,
  nodeAt,
  scratchFile,
  startFleet,
  startWharf,
  wharf,
} from './command.ts';

/** Tried for a good while, since members may start together: it runs beside the other tests. */
let unreachable: Promise<Finished>;
beforeAll(() => {
  unreachable = wharf(['start', '--no-host-metrics', '--listen', '127.0.0.1:0', '--join', '127.0.0.1:1']);
});

const visits = 'id,page,ms\n1,/home,12.5\n2,/about,\n3,/home,8\n4,"/a,b",20\n';

describe('wharf sql', () => {
  let fleet: Fleet;
  let address = '';
  beforeAll(async () => {
    fleet = await startFleet(['--nodes', '3', '--table', `visits=${await scratchFile('visits.csv', visits)}`]);
    address = nodeAt(fleet, 1).address;
  });
  afterAll(() => fleet.running.signal('SIGKILL'));
  const sql = (text: string, ...flags: string[]) => wharf(['sql', text, '--node', address, ...flags]);

  test('asks the whole fleet at once, without waiting or asking again', async () => {
    const { code, out, err } = await sql('SELECT count(*) FROM visits');
    expect(out).toBe('count\n4\n');
    expect(err).toMatch(/^complete, 3 of 3 nodes · [\d.]+ m?s\n$/);
    expect(code).toBe(0);
  });

  test.concurrent.each([
    [
      'selct 1',
      /syntax error at or near "selct" \(line 1, column 1\)\nLINE 1: selct 1\n {8}\^\nhint: Did you mean SELECT\?/,
    ],
    ['SELECT * FROM vists', /table "vists" does not exist \(line 1, column 15\)[^]*hint: Did you mean "visits"\?/],
    ['SELECT * FROM elsewhere', /table "elsewhere" does not exist[^]*hint: SHOW TABLES/],
    ['SELECT pge FROM visits', /column "pge" does not exist[^]*hint: Did you mean "page"\?/],
    ["SELECT 'a' + 1 FROM visits", /invalid input syntax for type integer: "a"/],
    [
      'SELECT 1\n FROM visits WHERE page = id',
      /operator does not exist: text = integer \(line 2, column \d+\)\nLINE 2:/,
    ],
    ['SELECT id / (id - id) FROM visits', /division by zero/],
  ])('%s: one message', async (text, message) => {
    const finished = await sql(text);
    expectOneMessage(finished, { code: 1, message });
    expect(finished.out).toBe('');
  });

  test.concurrent.each([
    ['csv', 'id,page,ms\n1,/home,12.5\n2,/about,\n3,/home,8\n4,"/a,b",20\n'],
    [
      'json',
      '[{"id":1,"page":"/home","ms":12.5},\n{"id":2,"page":"/about","ms":null},\n{"id":3,"page":"/home","ms":8},\n{"id":4,"page":"/a,b","ms":20}]\n',
    ],
    [
      'table',
      ' id │ page   │   ms\n────┼────────┼──────\n  1 │ /home  │ 12.5\n  2 │ /about │    ∅\n  3 │ /home  │    8\n  4 │ /a,b   │   20\n(4 rows)\n',
    ],
  ])('--format %s', async (format, expected) => {
    const { code, out } = await sql('SELECT * FROM visits ORDER BY id', '--format', format);
    expect(out).toBe(expected);
    expect(code).toBe(0);
  });

  test('--format arrow', async () => {
    const running = startWharf(['sql', 'SELECT * FROM visits ORDER BY id', '--node', address, '--format', 'arrow'], {
      encoding: 'latin1',
    });
    const { code, out } = await running.finished();
    const table = tableFromIPC(Buffer.from(out, 'latin1'));
    expect(table.toArray().map((row) => Object.values(row.toJSON()))).toEqual([
      [1, '/home', 12.5],
      [2, '/about', null],
      [3, '/home', 8],
      [4, '/a,b', 20],
    ]);
    expect(code).toBe(0);
  });

  test('takes SQL from stdin and from a file, and runs every statement', async () => {
    const statements = 'SET coverage = strict;\nSELECT count(*) AS n FROM visits -- ;\n; SHOW coverage';
    const expected = { code: 0, out: 'n\n4\ncoverage\nstrict\n' };
    expect(await wharf(['sql', '-', '--node', address], statements)).toMatchObject(expected);
    const file = await scratchFile('report.sql', statements);
    expect(await wharf(['sql', '--file', file, '--node', address])).toMatchObject(expected);
  });

  test('stops at the statement that fails, and points at it in the whole text', async () => {
    const finished = await sql('SELECT 1 AS one;\nSELECT 2 AS two FROM nowhere; SELECT 3 AS three');
    expectOneMessage(finished, { code: 1, message: /table "nowhere" does not exist \(line 2, column 22\)\nLINE 2:/ });
    expect(finished.out).toBe('one\n1\n');
  });

  test('a subscription prints every epoch, and Ctrl-C ends it with exit code 130', async () => {
    const count = "SUBSCRIBE (SELECT count(*) AS n FROM visits) EVERY '200 ms'";
    const bounded = await sql(`${count} FOR '1 second'`);
    expect(bounded.out).toMatch(/^epoch,nodes_answered,complete,n\n(\d+,3,true,4\n){4,6}$/);
    expect(bounded.code).toBe(0);

    const running = startWharf(['sql', count, '--node', address, '--format', 'json']);
    await running.printed(/(.*\n){3}/);
    running.signal('SIGINT');
    const { code, out, err } = await running.finished();
    expect(JSON.parse(out.split('\n')[0] ?? '')).toMatchObject({
      coverage: { complete: true, missing: [] },
      rows: [{ n: 4 }],
    });
    expect(err).toBe('cancelled\n');
    expect(code).toBe(130);
  });

  test('a reader that leaves early is no error', async () => {
    const running = startWharf(['sql', "SUBSCRIBE (SELECT count(*) FROM visits) EVERY '100 ms'", '--node', address]);
    await running.printed(/epoch/);
    running.closeOutput();
    const { code, err } = await running.finished();
    expect(err).toBe('');
    expect(code).toBe(0);
  });

  test('a node that dies makes answers partial: exit code 3, and the reason', async () => {
    const { address: lost, pid } = nodeAt(fleet, 2);
    // Two processes for three nodes: node 2 shares one with node 0, so both go.
    process.kill(pid, 'SIGKILL');
    const partial = await sql('SELECT count(*) AS n FROM visits');
    expect(partial.err).toMatch(new RegExp(`^partial, 1 of 3 nodes: .*node ${lost} was (lost|seen recently)`));
    expect(partial.code).toBe(3);
    const strict = await sql('SET coverage = strict; SELECT count(*) FROM visits');
    expectOneMessage(strict, { code: 3, message: /the answer is not complete: [^]*hint: SET coverage = partial/ });
    await fleet.running.printed(/wharf: process \d+ is gone, and with it node 0, 2: it was ended by SIGKILL/, 'err');
  });
});

describe('wrong use', () => {
  test.concurrent.each([
    [['slq'], /unknown command 'slq'\n\(Did you mean sql\?\)/],
    [['sql', 'SELECT 1', '--formt', 'csv'], /unknown option '--formt'\n\(Did you mean --format\?\)/],
    [['sql', 'SELECT 1', '--format', 'xml'], /It is one of table, csv, json, arrow/],
    [['sql', '--file', '/nowhere.sql'], /cannot read the SQL file \/nowhere.sql: no such file/],
    [['sql'], /there is no SQL to run/],
    [['start', '--listen', 'nowhere'], /It is host:port/],
    [['start', '--pg', '0.0.0.0:5440'], /the Postgres door on 0.0.0.0 would let anyone in\nhint: .*--pg-users/],
    [['fleet', '--nodes', 'many'], /It is a number, 1 to 256/],
  ])('wharf %j', async (args, message) => {
    expectOneMessage(await wharf(args), { code: 2, message });
  });

  test('help goes to stdout, with examples', async () => {
    const { code, out, err } = await wharf(['sql', '--help']);
    expect(out).toMatch(/^Usage: wharf sql [^]*Exit code: [^]*Examples:\n/);
    expect(err).toBe('');
    expect(code).toBe(0);
  });
});

describe('wharf start', () => {
  test('two nodes answer over the union of their tables, and one that leaves is not missed', async () => {
    const secretFile = await scratchFile('secret', 's3cret\n');
    const file = await scratchFile('logs.csv', 'host,status\na,200\nb,500\n');
    const flags = [
      '--no-host-metrics',
      '--secret-file',
      secretFile,
      '--listen',
      '127.0.0.1:0',
      '--table',
      `logs=${file}`,
    ];
    const first = startWharf(['start', ...flags, '--label', 'first']);
    const address = await listening(first);
    const second = startWharf(['start', ...flags, '--join', address]);
    const other = await listening(second);
    await second.printed(/the node is ready/, 'err');

    const count = 'SELECT status, count(*) AS n FROM logs GROUP BY status ORDER BY status';
    const asked = await wharf(['sql', count, '--node', other, '--secret-file', secretFile]);
    expect(asked).toMatchObject({ code: 0, out: 'status,n\n200,2\n500,2\n' });
    expect(asked.err).toMatch(/^complete, 2 of 2 nodes/);

    second.signal('SIGINT');
    const left = await second.finished();
    expect(left.err).toContain('leaving the fleet');
    expect(left.code).toBe(0);
    const after = await wharf(['sql', count, '--node', address, '--secret-file', secretFile]);
    expect(after).toMatchObject({ code: 0, out: 'status,n\n200,1\n500,1\n' });
    expect(after.err).toMatch(/^complete, 1 of 1 node/);
    first.signal('SIGTERM');
    expect((await first.finished()).code).toBe(0);
  });

  test('a wrong secret or number of copies is refused at once, with the reason on both sides', async () => {
    const right = await scratchFile('right', 's3cret');
    const wrong = await scratchFile('wrong', 'Secret');
    const member = startWharf(['start', '--no-host-metrics', '--listen', '127.0.0.1:0', '--secret-file', right]);
    const address = await listening(member);
    const joining = ['start', '--no-host-metrics', '--listen', '127.0.0.1:0', '--join', address];

    const refused = await wharf([...joining, '--secret-file', wrong]);
    expectOneMessage(refused, { code: 1, message: `wharf: cannot join through ${address}: wrong cluster secret\n` });
    await member.printed(/"refused: wrong cluster secret","msg":"refused a peer"/, 'err');
    const without = await wharf(joining);
    expectOneMessage(without, { code: 1, message: /cannot join through .*: cluster secret set at .* but not at/ });
    const elsewhere = await wharf([...joining, '--secret-file', right, '--cluster', 'other']);
    expectOneMessage(elsewhere, { code: 1, message: /cannot join through .*: wrong cluster: 'other' is not 'wharf'/ });

    const greedy = await wharf([...joining, '--secret-file', right, '--replicas', '5']);
    expectOneMessage(greedy, {
      code: 1,
      message: /cannot join through .*: wrong number of replicas: .* keeps 5 copies, .* keeps 3\n/,
    });
    await member.printed(/"refused: wrong number of replicas: [^"]*","msg":"refused a peer"/, 'err');

    const client = await wharf(['sql', 'SELECT 1', '--node', address, '--secret-file', wrong]);
    expectOneMessage(client, { code: 1, message: /refused the connection: the cluster secret is wrong/ });
    await member.printed(/"the cluster secret is wrong","msg":"a client was refused"/, 'err');
    expect(await ask(address, 'SELECT count(*) FROM sys.nodes', 's3cret')).toEqual([['1']]);
    member.signal('SIGINT');
    await member.finished();
  });

  test('a member that cannot be reached', async () => {
    expectOneMessage(await unreachable, {
      code: 1,
      message: /^wharf: cannot join through 127\.0\.0\.1:1: nobody listens\n/m,
    });
  });

  test.concurrent.each([
    [['--table', 'a=/nowhere/a.csv'], /^wharf: \/nowhere\/a.csv: no such file\n/m],
    [['--table', `a=${process.execPath}`], /a table cannot be read from a file of this kind\nhint: Known extensions/],
    [
      ['--listen', '127.0.0.1:0', '--table', 'a=examples/data/owners.csv', '--table', 'a=examples/data/owners.csv'],
      /table "a" is given twice/,
    ],
    [['--listen', '203.0.113.1:7400'], /cannot listen on 203.0.113.1:7400/],
  ])('wharf start %j: one message', async (args, message) => {
    expectOneMessage(await wharf(['start', ...args]), { code: 1, message });
  });

  test('a busy port, for nodes and for Postgres', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const address = `127.0.0.1:${port}`;
    const [node, pg, fleet] = await Promise.all([
      wharf(['start', '--listen', address]),
      wharf(['start', '--listen', '127.0.0.1:0', '--pg', String(port)]),
      wharf(['fleet', '--nodes', '2', '--port', String(port)]),
    ]);
    taken.close();
    expectOneMessage(node, { code: 1, message: `wharf: cannot listen on ${address}: the port is in use` });
    expectOneMessage(pg, { code: 1, message: `wharf: the Postgres port ${address} is already in use` });
    expectOneMessage(fleet, { code: 1, message: `wharf: node 0: cannot listen on ${address}: the port is in use` });
    expectOneMessage(await wharf(['sql', 'SELECT 1', '--node', address]), {
      code: 1,
      message: `wharf: cannot reach a Wharf node at ${address}: connection refused`,
    });
  });
});

describe('wharf fleet', () => {
  test('prints its nodes and how to reach them, and ends with Ctrl-C, leaving nothing behind', async () => {
    const running = startWharf([
      'fleet',
      '--nodes',
      '3',
      '--workers',
      '2',
      '--port',
      '0',
      '--pg',
      '0',
      '--no-host-metrics',
    ]);
    await running.printed(/Ctrl-C ends the fleet\.\n/);
    expect(running.out).toMatch(/^ node │ address +│ postgres +│ process\n/);
    expect(running.out).toMatch(
      /3 nodes in 2 processes\. Try: wharf shell --node 127\.0\.0\.1:\d+ · psql -h 127\.0\.0\.1 -p \d+\n/,
    );
    const pids = [...running.out.matchAll(/│ +(\d+)$/gm)].map(([, pid]) => Number(pid));
    expect(new Set(pids).size).toBe(2);
    running.signal('SIGINT');
    expect((await running.finished()).code).toBe(0);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});

async function listening(node: {
  printed: (pattern: RegExp, stream: 'err') => Promise<RegExpExecArray>;
}): Promise<string> {
  const [, address] = await node.printed(/"address":"([^"]+)".*"msg":"the node is listening"/, 'err');
  return address ?? '';
}
