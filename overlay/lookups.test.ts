import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CodecError, decode, encode, u32 } from './codec.ts';
import { type ControlRequest, type FindRequest, findReply, lookupApp } from './control.ts';
import { overlayDefaults } from './defaults.ts';
import { ContactTable, type GeometryName, geometries } from './geometry/contact-table.ts';
import { keyOf } from './keys.ts';
import { Lookups } from './lookups.ts';
import { type Contact, type Key, OverlayError } from './overlay.ts';
import { Router } from './router.ts';
import type { Runtime } from './runtime.ts';

// Routers and lookups on tables that know no more than they must, over a network that is a function call.

const app = 7;
const hopMs = 10;
const patienceMs = 50;
const runtime: Runtime = {
  now: () => Date.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  random: () => 0.5,
};

interface Node {
  readonly self: Contact;
  readonly router: Router;
  readonly lookups: Lookups;
  /** A member that it knows. */
  leaf(): Contact;
}

/** Requests of both apps that lookups use. */
type Question = ControlRequest | ({ readonly type: 'find' } & FindRequest);

class Net {
  readonly nodes = new Map<Key, Node>();
  /** Members that are silent. */
  readonly dead = new Set<Key>();
  /** Members of whom everybody has found that they are silent. */
  readonly suspects = new Set<Key>();
  /** Whether everybody refuses at once. */
  refuse = false;
  /** Questions, by type, and whom they went to. */
  readonly asked: { type: string; to: Key; atMs: number }[] = [];
  readonly delivered: { at: Key; hops: number }[] = [];
  readonly #geometry: GeometryName;

  constructor(geometry: GeometryName, size: number) {
    this.#geometry = geometry;
    const members = Array.from({ length: size }, (_, i) => ({ id: keyOf(`member ${i}`), address: `n${i}:1` }));
    for (const self of members) this.nodes.set(self.id, this.#build(self, members));
  }

  owner(key: Key): Node {
    const [self, ...others] = [...this.nodes.values()].map((node) => node.self);
    const table = new ContactTable(self as Contact, { geometry: this.#geometry, contactsMax: 1_024, leafSetSize: 8 });
    for (const other of others) table.heard(other);
    return this.nodes.get(table.owner(key).id) as Node;
  }

  /** A member and a key so that asking takes a few hops. */
  farApart(): { asker: Node; key: Key; hops: readonly Contact[] } {
    for (const asker of this.nodes.values()) {
      for (let i = 0; i < 20; i++) {
        const key = keyOf(`key ${i}`);
        const hops = asker.router.nextHops(key);
        if (hops.length >= 3 && !hops.slice(0, 3).some(({ id }) => id === this.owner(key).self.id)) {
          return { asker, key, hops };
        }
      }
    }
    throw new Error('everybody knows everybody');
  }

  /** Everybody else falls silent. */
  leaveAlone({ self }: Node): void {
    for (const id of this.nodes.keys()) if (id !== self.id) this.dead.add(id);
  }

  #build(self: Contact, members: readonly Contact[]): Node {
    const table = new ContactTable(self, { geometry: this.#geometry, contactsMax: 0, leafSetSize: 8 });
    for (const member of members) table.heard(member);
    const output = {
      isMember: () => true,
      isSuspect: (id: Key) => this.suspects.has(id),
      timeoutMs: (_id: Key | null, attempt: number) => patienceMs * 2 ** attempt,
      ask: (to: Contact, request: ControlRequest, timeoutMs: number) => this.#ask(self, to, request, timeoutMs),
      find: async (to: Contact, request: FindRequest) =>
        decode(findReply, await this.#ask(self, to, { type: 'find', ...request }, overlayDefaults.hopTimeoutMs)),
      get: table.get.bind(table),
      distance: table.distance.bind(table),
    };
    const router: Router = new Router(
      runtime,
      overlayDefaults,
      table,
      {
        ...output,
        forward: () => ({ kind: 'continue' }),
        deliver: (message) => {
          if (message.app === app) this.delivered.push({ at: self.id, hops: message.hops });
          else lookups.onQuestion(message);
        },
      },
      () => {},
    );
    const lookups = new Lookups(runtime, overlayDefaults, self, router, output);
    return { self, router, lookups, leaf: () => table.leaves()[0] as Contact };
  }

  #ask(from: Contact, to: Contact, request: Question, timeoutMs: number): Promise<Uint8Array> {
    this.asked.push({ type: request.type, to: to.id, atMs: Date.now() });
    if (this.refuse) return Promise.reject(new OverlayError('refused', 'all are busy'));
    return new Promise((resolve, reject) => {
      if (this.dead.has(to.id)) setTimeout(() => reject(new OverlayError('timeout', 'silent')), timeoutMs);
      else setTimeout(() => resolve(this.#answer(from, to, request)), hopMs);
    });
  }

  #answer(from: Contact, to: Contact, request: Question): Uint8Array {
    const { router, lookups } = this.nodes.get(to.id) as Node;
    if (from.id === to.id) throw new Error('nobody asks itself');
    if (request.type === 'find') return encode(findReply, router.find(request.key));
    if (request.type === 'hop') router.onHop(request, from);
    if (request.type === 'found') lookups.onFound(from, request.number);
    return new Uint8Array(0);
  }
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

async function settled<T>(promise: Promise<T>, withinMs: number): Promise<T> {
  promise.catch(() => {});
  await vi.advanceTimersByTimeAsync(withinMs);
  return promise;
}

describe.each(geometries)('%s', (geometry) => {
  test.each(['iterative', 'recursive'] as const)('a %s lookup finds the owner of every key', async (manner) => {
    const net = new Net(geometry, 60);
    const askers = [...net.nodes.values()];
    for (let i = 0; i < 60; i++) {
      const key = keyOf(`key ${i}`);
      const found = await settled((askers[i] as Node).lookups.lookup(key, manner), 20 * hopMs);
      expect(found).toEqual(net.owner(key).self);
    }
    if (manner === 'iterative') expect(net.asked.every(({ type }) => type === 'find')).toBe(true);
    else expect(new Set(net.asked.map(({ type }) => type))).toEqual(new Set(['hop', 'found']));
  });

  test('an iterative lookup asks one at a time, and another when the first is slow', async () => {
    const net = new Net(geometry, 60);
    const { asker, key, hops } = net.farApart();
    const [first, second] = hops as [Contact, Contact];
    net.dead.add(first.id);
    const startMs = Date.now();
    const found = await settled(asker.lookups.lookup(key, 'iterative'), patienceMs + 20 * hopMs);
    expect(found).toEqual(net.owner(key).self);
    expect(net.asked[0]).toMatchObject({ to: first.id, atMs: startMs });
    expect(net.asked[1]).toMatchObject({ to: second.id, atMs: startMs + patienceMs });
  });

  // In Chord the heir stands past the dead owner, and whoever asks does not get to know it.
  test.runIf(geometry !== 'chord')(
    'an iterative lookup of a key whose owner has just died ends at who takes its place',
    async () => {
      const net = new Net(geometry, 60);
      const key = keyOf('key of the dead');
      const owner = net.owner(key);
      const asker = [...net.nodes.values()].find(
        (node) => node !== owner && node.router.nextHops(key).length > 1,
      ) as Node;
      net.dead.add(owner.self.id);
      const looking = asker.lookups.lookup(key, 'iterative');
      looking.catch(() => {});
      await vi.advanceTimersByTimeAsync(4 * patienceMs);
      net.suspects.add(owner.self.id);
      const heir = await settled(looking, 2 * patienceMs + 20 * hopMs);
      expect(net.nodes.get(heir.id)?.router.find(key)).toMatchObject({ isOwner: false, isHeir: true });
      net.nodes.delete(owner.self.id);
      expect(heir).toEqual(net.owner(key).self);
    },
  );

  // In Chord nobody inherits before the owner is declared dead.
  test.runIf(geometry !== 'chord')(
    'the heir of a silent owner answers itself, once its own questions are not answered either',
    async () => {
      const net = new Net(geometry, 60);
      const key = keyOf('key of the dead');
      const owner = net.owner(key);
      net.nodes.delete(owner.self.id);
      const heir = net.owner(key);
      net.nodes.set(owner.self.id, owner);
      net.dead.add(owner.self.id);
      net.suspects.add(owner.self.id);
      const looking = heir.lookups.lookup(key, 'iterative');
      let isOver = false;
      void looking.finally(() => {
        isOver = true;
      });
      await vi.advanceTimersByTimeAsync(2 * patienceMs - 1);
      expect(isOver).toBe(false);
      expect(await settled(looking, patienceMs)).toEqual(heir.self);
    },
  );

  test('among the silent a lookup asks ever more, up to its limit, and ends in time', async () => {
    const net = new Net(geometry, 60);
    const { asker, key } = net.farApart();
    net.leaveAlone(asker);
    const { lookupParallelMax, hopTimeoutMs, requestTimeoutMs, tickMs } = overlayDefaults;
    const looking = asker.lookups.lookup(key, 'iterative');
    looking.catch(() => {});
    const askedBy: number[] = [];
    for (let atMs = 0; atMs < hopTimeoutMs; atMs += patienceMs) {
      await vi.advanceTimersByTimeAsync(patienceMs - 1);
      askedBy.push(net.asked.length);
      await vi.advanceTimersByTimeAsync(1);
    }
    const begun = askedBy.map((count, i) => count - (askedBy[i - 1] ?? 0));
    expect(begun.slice(0, 2)).toEqual([1, 1]);
    expect(Math.max(...begun)).toBe(lookupParallelMax);
    await expect(settled(looking, requestTimeoutMs + hopTimeoutMs + tickMs)).rejects.toMatchObject({ code: 'timeout' });
    const given = await settled(asker.lookups.lookup(key, 'recursive'), 2 * requestTimeoutMs).catch((e: unknown) => e);
    expect(given).toMatchObject({ code: 'timeout' });
  });

  test.each(['iterative', 'recursive'] as const)('closing ends a %s lookup and its timers', async (manner) => {
    const net = new Net(geometry, 60);
    const { asker, key } = net.farApart();
    net.leaveAlone(asker);
    const { hopTimeoutMs, requestTimeoutMs, routeTimeoutMs } = overlayDefaults;
    const failures: unknown[] = [];
    const look = (): void => {
      asker.lookups.lookup(key, manner).catch((error: unknown) => failures.push(error));
    };
    look();
    // Nobody answers: by now one pauses, or asks again, and the other has only begun.
    await vi.advanceTimersByTimeAsync(requestTimeoutMs / 2);
    look();
    await vi.advanceTimersByTimeAsync(patienceMs / 2);
    expect(failures).toEqual([]);
    asker.lookups.close();
    look();
    await vi.advanceTimersByTimeAsync(0);
    const closed = expect.objectContaining({ code: 'closed' });
    expect(failures).toEqual([closed, closed, closed]);
    const finds = net.asked.filter(({ type }) => type === 'find').length;
    // What was asked already is left to whoever asks for lookups; messages on their way, to the router.
    await vi.advanceTimersByTimeAsync(Math.max(hopTimeoutMs, routeTimeoutMs) + hopTimeoutMs);
    expect(vi.getTimerCount()).toBe(0);
    expect(net.asked.filter(({ type }) => type === 'find')).toHaveLength(finds);
  });

  test('closing ends a lookup that pauses since nobody is left to ask', async () => {
    const net = new Net(geometry, 60);
    const { asker, key } = net.farApart();
    net.refuse = true;
    const looking = asker.lookups.lookup(key, 'iterative').catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(1);
    asker.lookups.close();
    expect(await looking).toMatchObject({ code: 'closed' });
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a question is answered unless its source is known to live elsewhere, and read by its codec', () => {
    const net = new Net(geometry, 20);
    const [asked] = [...net.nodes.values()] as [Node];
    const question = { key: asked.self.id, app: lookupApp, hops: 1, payload: encode(u32, 5) };
    const stranger = { id: keyOf('a stranger'), address: 'elsewhere:1' };
    asked.lookups.onQuestion({ ...question, source: { ...asked.leaf(), address: 'elsewhere:2' } });
    expect(net.asked).toEqual([]);
    net.refuse = true;
    asked.lookups.onQuestion({ ...question, source: asked.leaf() });
    asked.lookups.onQuestion({ ...question, source: stranger });
    expect(net.asked.map(({ type, to }) => [type, to])).toEqual([
      ['found', asked.leaf().id],
      ['found', stranger.id],
    ]);
    const payload = new Uint8Array(3);
    expect(() => asked.lookups.onQuestion({ ...question, source: stranger, payload })).toThrow(CodecError);
  });

  test('a routed message goes around a hop that does not acknowledge, and arrives once', async () => {
    const net = new Net(geometry, 60);
    const { asker, key, hops } = net.farApart();
    net.dead.add((hops[0] as Contact).id);
    asker.router.route(key, app, new Uint8Array(0));
    await vi.advanceTimersByTimeAsync(3 * patienceMs + 20 * hopMs);
    expect(net.delivered).toHaveLength(1);
    expect(net.delivered[0]?.at).toBe(net.owner(key).self.id);
    expect(asker.router.counters.messagesDropped).toBe(0);
  });

  test('a routed message that nobody takes is dropped, and counted', async () => {
    const net = new Net(geometry, 60);
    const { asker, key } = net.farApart();
    net.leaveAlone(asker);
    asker.router.route(key, app, new Uint8Array(0));
    await vi.advanceTimersByTimeAsync(overlayDefaults.routeTimeoutMs + overlayDefaults.hopTimeoutMs);
    expect(asker.router.counters.messagesDropped).toBe(1);
    expect(net.delivered).toEqual([]);
  });
});
