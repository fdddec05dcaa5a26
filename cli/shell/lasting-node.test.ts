import { expect, test } from 'vitest';
import { QueryError } from '../../columnar/index.ts';
import type { Session } from '../../engine/index.ts';
import { FakeSessions, texts } from '../testing/fake-sessions.ts';
import { type Connection, LastingNode } from './lasting-node.ts';

class FakeNode extends FakeSessions implements Connection {
  isLost = false;
  isClosed = false;

  constructor() {
    super({ 'SELECT 1': () => texts('n', ['1']) });
  }

  close(): void {
    this.isClosed = true;
  }
}

/** A node that is lost, and the one that is there when `connect` is let go on. */
function restarted() {
  const [before, after] = [new FakeNode(), new FakeNode()];
  before.isLost = true;
  const tries: { resolve(node: Connection): void; reject(error: QueryError): void }[] = [];
  let told = 0;
  const connect = () => new Promise<Connection>((resolve, reject) => tries.push({ resolve, reject }));
  const node = new LastingNode(before, connect, () => {
    told += 1;
  });
  return { node, after, tries, timesTold: () => told };
}

async function run(session: Session): Promise<number> {
  let results = 0;
  for await (const _ of session.execute('SELECT 1')) results += 1;
  return results;
}

test('sessions of a lost connection share the next one, of which is told once', async () => {
  const { node, after, tries, timesTold } = restarted();
  const running = [node.openSession(), node.openSession()].map(run);
  tries[0]?.resolve(after);
  expect(await Promise.all(running)).toEqual([1, 1]);
  expect(tries).toHaveLength(1);
  expect(timesTold()).toBe(1);
});

test('what finds no node fails, and the next statement tries again', async () => {
  const { node, after, tries } = restarted();
  const session = node.openSession();
  const running = run(session);
  tries[0]?.reject(new QueryError('unreachable', 'connection refused'));
  await expect(running).rejects.toMatchObject({ code: 'unreachable' });
  const again = run(session);
  tries[1]?.resolve(after);
  expect(await again).toBe(1);
});

test('a statement that was cancelled while it waited for the connection is not run', async () => {
  const { node, after, tries } = restarted();
  const session = node.openSession();
  const running = run(session);
  session.cancel();
  tries[0]?.resolve(after);
  await expect(running).rejects.toMatchObject({ code: 'cancelled' });
  expect(after.asked).toEqual([]);
  expect(await run(session)).toBe(1);
});

test('a connection that comes after the end is closed', async () => {
  const { node, after, tries, timesTold } = restarted();
  const running = run(node.openSession());
  node.close();
  tries[0]?.resolve(after);
  await expect(running).rejects.toMatchObject({ code: 'cancelled' });
  expect(after.isClosed).toBe(true);
  expect(timesTold()).toBe(0);
});
