import { beforeEach, describe, expect, test } from 'vitest';
import { type CodecError, encode, struct, u32 } from './codec.ts';
import { overlayDefaults } from './defaults.ts';
import type { Message, RequestMessage } from './messages.ts';
import { OverlayError } from './overlay.ts';
import { Rpc } from './rpc.ts';
import { contactOf } from './testing/contacts.ts';
import { ManualRuntime, seeded } from './testing/manual-runtime.ts';
import type { Target } from './wire.ts';

const to = contactOf(1);
const app = 7;
const readApp = 8;
const answer = struct<{ n: number }>({ n: u32 });
const garbage = Uint8Array.of(1, 2);

/** One side of a conversation: what it sent, and whom it found to talk nonsense. */
class Asker {
  readonly runtime = new ManualRuntime(seeded(1));
  readonly sent: Message[] = [];
  readonly malformed: Target[] = [];
  unanswered = 0;
  reads = 0;
  readonly rpc = new Rpc(
    this.runtime,
    overlayDefaults,
    {
      transmit: (_to: Target, message: Message) => {
        this.sent.push(message);
      },
      answer: () => new Uint8Array(0),
      read: (_from, asked) => {
        if (asked !== readApp) return undefined;
        this.reads += 1;
        return Uint8Array.of(this.reads);
      },
      timeoutMs: () => 100,
      malformed: (from: Target, _app: number, _error: CodecError) => {
        this.malformed.push(from);
      },
      unanswered: () => {
        this.unanswered += 1;
      },
    },
    () => {},
  );

  reply(payload: Uint8Array): void {
    const { request } = this.sent.at(-1) as RequestMessage;
    this.rpc.onReply(to, { type: 'reply', request, outcome: 'ok', payload });
  }
}

describe('an answer', () => {
  let asker: Asker;
  beforeEach(() => {
    asker = new Asker();
  });

  test('is read as it was asked for', async () => {
    const asked = asker.rpc.ask(to, app, garbage, answer);
    asker.reply(encode(answer, { n: 5 }));
    expect(await asked).toEqual({ n: 5 });
    expect(asker.malformed).toEqual([]);
  });

  test('that is none fails like a member that cannot be reached, and is laid to its maker', async () => {
    const asked = asker.rpc.ask(to, app, garbage, answer);
    asker.reply(garbage);
    await expect(asked).rejects.toThrow(OverlayError);
    await expect(asked).rejects.toMatchObject({ code: 'unreachable' });
    expect(asker.malformed).toEqual([to]);
  });

  test('that is of no use any more is not asked for again, and is welcome until then', async () => {
    let isWanted = true;
    const asked = asker.rpc.ask(to, app, garbage, answer, { timeoutMs: 10_000, isWanted: () => isWanted });
    asked.catch(() => {});
    await asker.runtime.pass(150);
    expect(asker.sent).toHaveLength(2);
    isWanted = false;
    await asker.runtime.pass(10_000);
    expect(asker.sent).toHaveLength(2);
    await expect(asked).rejects.toMatchObject({ code: 'timeout' });
    expect(asker.rpc.isAsking(to.id)).toBe(false);

    const late = asker.rpc.ask(to, app, garbage, answer, { timeoutMs: 10_000, isWanted: () => false });
    asker.reply(encode(answer, { n: 5 }));
    expect(await late).toEqual({ n: 5 });
  });

  test('comes from another address when whoever lives at one was asked, and goes by another', async () => {
    const asked = asker.rpc.ask({ id: null, address: 'localhost:1' }, app, garbage, answer);
    asker.reply(encode(answer, { n: 5 }));
    expect(await asked).toEqual({ n: 5 });
  });

  test('from another address is no answer', async () => {
    const asked = asker.rpc.ask(to, app, garbage, answer, { timeoutMs: 50 });
    asked.catch(() => {});
    const { request } = asker.sent.at(-1) as RequestMessage;
    asker.rpc.onReply(contactOf(2), { type: 'reply', request, outcome: 'ok', payload: encode(answer, { n: 5 }) });
    await asker.runtime.pass(60);
    await expect(asked).rejects.toMatchObject({ code: 'timeout' });
    expect(asker.unanswered).toBe(1);
  });
});

describe('a link that cannot be opened', () => {
  const nobody = { id: null, address: to.address };

  test('ends questions to whoever lives at the address', async () => {
    const asker = new Asker();
    const asked = asker.rpc.request(nobody, app, garbage);
    asker.rpc.linkDown(to.address, 'refused: nobody listens');
    await expect(asked).rejects.toMatchObject({
      code: 'unreachable',
      message: `${to.address}: refused: nobody listens`,
    });
  });

  test('leaves questions to members and to other addresses', async () => {
    const asker = new Asker();
    const toMember = asker.rpc.ask(to, app, garbage, answer);
    const elsewhere = asker.rpc.request({ id: null, address: contactOf(2).address }, app, garbage, { timeoutMs: 50 });
    elsewhere.catch(() => {});
    asker.rpc.linkDown(to.address, 'connection reset');
    const [first] = asker.sent as RequestMessage[];
    asker.rpc.onReply(to, {
      type: 'reply',
      request: first?.request ?? 0,
      outcome: 'ok',
      payload: encode(answer, { n: 5 }),
    });
    expect(await toMember).toEqual({ n: 5 });
    await asker.runtime.pass(60);
    await expect(elsewhere).rejects.toMatchObject({ code: 'timeout' });
  });
});

describe('a request that comes again', () => {
  const replies = (asker: Asker): (number | undefined)[] =>
    asker.sent.map((message) => (message.type === 'reply' ? message.payload[0] : undefined));
  const question = (asked: number): RequestMessage => ({ type: 'request', request: 5, app: asked, payload: garbage });

  test('is answered from memory, and not worked on', async () => {
    const asker = new Asker();
    for (let i = 0; i < 2; i++) {
      asker.rpc.onRequest(to, 1, question(app));
      await asker.runtime.pass(1);
    }
    expect(asker.sent).toHaveLength(2);
    expect(asker.rpc.counters.requestsIn).toBe(1);
  });

  test('is answered anew, and at once, when it changes nothing', () => {
    const asker = new Asker();
    for (let i = 0; i < 2; i++) asker.rpc.onRequest(to, 1, question(readApp));
    expect(replies(asker)).toEqual([1, 2]);
  });
});
