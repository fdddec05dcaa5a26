import { describe, expect, test } from 'vitest';
import { frameBytesMax, wsDefaults } from '../overlay/index.ts';
import { Simulation, SimulationError, type SimulationOptions, virtualEpochMs } from './index.ts';

/** Two recording hosts, `a` and `b`. */
function pair(options: Partial<SimulationOptions> = {}) {
  const sim = new Simulation({ seed: 1, ...options });
  const log: string[] = [];
  const record = (name: string) => {
    const host = sim.host(name);
    host.transport.onFrame((from, frame) => log.push(`${sim.nowMs} ${from}>${name} ${describeFrame(frame)}`));
    host.transport.onLinkDown((peer, reason) => log.push(`${sim.nowMs} ${name} lost ${peer}: ${reason}`));
    return host;
  };
  return { sim, log, record, a: record('a'), b: record('b') };
}

const describeFrame = (frame: Uint8Array) =>
  frame.length > 20 ? `${frame.length} bytes` : Buffer.from(frame).toString();
const text = (value: string) => Buffer.from(value);
const none = { inboundBytesPerSecond: Number.POSITIVE_INFINITY };
const { idleMs } = wsDefaults;

/** A hundred hosts that pass frames on at random for ten virtual seconds. */
async function gossip(seed: number) {
  const sim = new Simulation({ seed, lossRate: 0.05, oneWayDelayMs: (_from, _to, random) => 10 + 80 * random() });
  const addresses = Array.from({ length: 100 }, (_, i) => `h${i}`);
  for (const address of addresses) {
    const { runtime, transport } = sim.host(address);
    const pass = (frame: Uint8Array) => {
      const to = addresses[Math.floor(runtime.random() * addresses.length)] as string;
      transport.send(to, Uint8Array.of(...frame.slice(-50), runtime.random() * 256));
    };
    transport.onFrame((_from, frame) => void Promise.resolve(frame).then(pass));
    transport.onLinkDown(() => pass(Uint8Array.of(1)));
    runtime.after(runtime.random() * 1_000, () => pass(Uint8Array.of(0)));
  }
  sim.at(3_000, () => sim.crash('h7'));
  sim.at(5_000, () => sim.partition(addresses.slice(0, 30), addresses.slice(30)));
  sim.at(7_000, () => sim.heal());
  await sim.runFor(10_000);
  return { digest: sim.digest(), stats: sim.stats() };
}

describe('determinism', () => {
  test('the same seed gives the same run, another seed another', async () => {
    const first = await gossip(42);
    expect(first.stats.messages).toBeGreaterThan(1_000);
    expect(await gossip(42)).toEqual(first);
    expect((await gossip(43)).digest).not.toBe(first.digest);
  });

  test('a node that rolls its dice changes neither the network nor other nodes', async () => {
    const rollsOf = async (rolls: number) => {
      const { sim, log, a, b } = pair({ lossRate: 0.5, jitterMs: 20 });
      for (let i = 0; i < rolls; i++) b.runtime.random();
      for (let i = 0; i < 50; i++) a.transport.send('b', text(`${i}`));
      await sim.runFor(1_000);
      return [...log, a.runtime.random()];
    };
    expect(await rollsOf(0)).toEqual(await rollsOf(3));
  });
});

describe('the network', () => {
  test('a frame takes the one-way delay', async () => {
    const { sim, log, a } = pair({ ...none, oneWayDelayMs: (from, to) => (from === 'a' && to === 'b' ? 25 : 70) });
    a.transport.send('b', text('hello'));
    await sim.runFor(24);
    expect(log).toEqual([]);
    await sim.runFor(1);
    expect(log).toEqual(['25 a>b hello']);
  });

  test('frames queue for the inbound bandwidth, each receiver by itself', async () => {
    const { sim, log, a, record } = pair({ inboundBytesPerSecond: 100_000 });
    record('c');
    for (let i = 0; i < 3; i++) a.transport.send('b', new Uint8Array(1_000));
    a.transport.send('c', new Uint8Array(1_000));
    await sim.runFor(55);
    expect(a.transport.queuedBytes('b')).toBe(2_000);
    await sim.runFor(100);
    expect(a.transport.queuedBytes('b')).toBe(0);
    expect(log).toEqual(['50 a>b 1000 bytes', '50 a>c 1000 bytes', '60 a>b 1000 bytes', '70 a>b 1000 bytes']);
    expect(sim.stats()).toMatchObject({ messages: 4, bytes: 4_000 });
    expect(sim.stats().inboundBytes.get('b')).toBe(3_000);
  });

  test('frames queue for the outbound bandwidth, to whomever they go, and one queue follows the other', async () => {
    const { sim, log, a, record } = pair({ ...none, outboundBytesPerSecond: 100_000 });
    record('c');
    for (const to of ['b', 'c', 'b']) a.transport.send(to, new Uint8Array(1_000));
    expect(a.transport.queuedBytes('b')).toBe(2_000);
    await sim.runFor(15);
    expect([a.transport.queuedBytes('b'), a.transport.queuedBytes('c')]).toEqual([1_000, 1_000]);
    await sim.runFor(100);
    expect(a.transport.queuedBytes('b')).toBe(0);
    expect(log).toEqual(['50 a>b 1000 bytes', '60 a>c 1000 bytes', '70 a>b 1000 bytes']);

    const access = pair({ inboundBytesPerSecond: 50_000, outboundBytesPerSecond: 100_000 });
    for (let i = 0; i < 2; i++) access.a.transport.send('b', new Uint8Array(1_000));
    await access.sim.runFor(65);
    expect(access.a.transport.queuedBytes('b')).toBe(2_000);
    await access.sim.runFor(100);
    expect(access.log).toEqual(['70 a>b 1000 bytes', '90 a>b 1000 bytes']);
  });

  test('a frame that is lost has used the outbound queue all the same', async () => {
    const { sim, log, a } = pair({ ...none, outboundBytesPerSecond: 100_000, lossRate: 1 });
    a.transport.send('b', new Uint8Array(1_000));
    sim.setLossRate(0);
    a.transport.send('b', new Uint8Array(1_000));
    await sim.runFor(1_000);
    expect(log).toEqual(['60 a>b 1000 bytes']);
  });

  test('frames on one link keep their order whatever the jitter; links do not wait for each other', async () => {
    const { sim, log, a, record } = pair({ jitterMs: 100 });
    const c = record('c');
    for (let i = 0; i < 200; i++) {
      sim.at(5 * i, () => {
        a.transport.send('b', text(`${i}`));
        c.transport.send('b', text(`${i}`));
      });
    }
    await sim.runFor(2_000);
    const numbers = (lines: readonly string[]) => lines.map((line) => Number(line.split(' ')[2]));
    const inOrder = Array.from({ length: 200 }, (_, i) => i);
    expect(numbers(log.filter((line) => line.includes('a>b')))).toEqual(inOrder);
    expect(numbers(log.filter((line) => line.includes('c>b')))).toEqual(inOrder);
    expect(numbers(log)).not.toEqual(numbers(log).toSorted((x, y) => x - y));
  });

  test('the loss rate is the share of frames that vanish, and can change', async () => {
    const { sim, log, a } = pair({ lossRate: 0.2 });
    for (let i = 0; i < 5_000; i++) a.transport.send('b', text('x'));
    await sim.runFor(10_000);
    expect(log.length / 5_000).toBeCloseTo(0.8, 1);
    expect(sim.stats().messagesLost).toBe(5_000 - log.length);
    sim.setLossRate(1);
    const before = log.length;
    a.transport.send('b', text('x'));
    await sim.runFor(1_000);
    expect(log.length).toBe(before);
  });

  test('a frame that is too long is a bug of the sender', () => {
    const { a } = pair();
    expect(() => a.transport.send('b', new Uint8Array(frameBytesMax + 1))).toThrow(/longer than/);
  });

  test('a partition cuts silently both ways, and heals', async () => {
    const { sim, log, a, b, record } = pair(none);
    record('c');
    sim.partition(['a'], ['b']);
    a.transport.send('b', text('1'));
    b.transport.send('a', text('2'));
    a.transport.send('c', text('3'));
    await sim.runFor(1_000);
    expect(log).toEqual(['40 a>c 3']);
    sim.heal();
    a.transport.send('b', text('4'));
    await sim.runFor(1_000);
    expect(log.at(-1)).toBe('1040 a>b 4');
  });
});

describe('links', () => {
  test('connecting to nobody is refused after a round trip, once for all frames', async () => {
    const { sim, log, a } = pair(none);
    a.transport.send('nobody', text('1'));
    a.transport.send('nobody', text('2'));
    await sim.runFor(1_000);
    expect(log).toEqual(['80 a lost nobody: refused: nobody listens']);
  });

  test('its own address is refused', async () => {
    const { sim, log, a } = pair();
    a.transport.send('a', text('1'));
    await sim.runFor(1);
    expect(log).toEqual(['0.0625 a lost a: refused: own address']);
  });

  test('a crash ends timers and sends, delivers what was under way, and breaks the links of peers', async () => {
    const { sim, log, a, b } = pair(none);
    b.transport.send('a', text('from b'));
    a.runtime.after(100, () => log.push('timer'));
    await sim.runFor(90);
    a.transport.send('b', text('last'));
    b.transport.send('a', text('too late'));
    sim.crash('a');
    a.transport.send('b', text('ghost'));
    a.runtime.after(1, () => log.push('ghost timer'));
    await sim.runFor(1_000);
    expect(log).toEqual(['40 b>a from b', '130 a>b last', '130 b lost a: connection reset']);
    expect(() => sim.host('a')).toThrow(/restart it/);
  });

  test('a silent crash is told to nobody, and its machine answers again once it is restarted', async () => {
    const { sim, log, a, b, record } = pair({ ...none, silentCrashes: true });
    a.transport.send('b', text('1'));
    await sim.runFor(50);
    sim.crash('b');
    a.transport.send('b', text('2'));
    await sim.runFor(10_000);
    expect(log).toEqual(['40 a>b 1']);
    sim.restart('b');
    record('b');
    a.transport.send('b', text('3'));
    await sim.runFor(100);
    expect(log.at(-1)).toBe('10130 a lost b: connection reset');
    a.transport.send('b', text('4'));
    b.transport.send('a', text('from the earlier life'));
    await sim.runFor(100);
    expect(log.slice(2)).toEqual(['10190 a>b 4']);
  });

  test('a restarted host that writes first replaces the link of its earlier life', async () => {
    const { sim, log, a, record } = pair({ ...none, silentCrashes: true });
    a.transport.send('b', text('1'));
    await sim.runFor(50);
    const restarted = sim.restart('b');
    expect(restarted.runtime.random()).not.toBe(new Simulation({ seed: 1 }).host('b').runtime.random());
    record('b');
    restarted.transport.send('a', text('2'));
    await sim.runFor(50);
    a.transport.send('b', text('3'));
    await sim.runFor(50);
    expect(log.slice(1)).toEqual(['90 a lost b: replaced by a new link', '90 b>a 2', '140 a>b 3']);
  });

  test('a link that was idle for long is closed unnoticed, and its peer may restart unnoticed, too', async () => {
    const { sim, log, a, b, record } = pair({ ...none, silentCrashes: true });
    record('c');
    a.transport.send('b', text('1'));
    a.transport.send('c', text('2'));
    await sim.runFor(idleMs + 1_000);
    // Whoever opens a link looks through those that it has.
    a.transport.send('d', text('nobody'));
    a.transport.send('b', text('3'));
    b.transport.send('a', text('4'));
    await sim.runFor(100);
    sim.restart('c');
    record('c');
    a.transport.send('c', text('5'));
    await sim.runFor(100);
    const [first, second] = [idleMs + 1_040, idleMs + 1_140];
    expect(log).toEqual(['40 a>b 1', '40 a>c 2', `${first} a>b 3`, `${first} b>a 4`, `${second} a>c 5`]);
  });

  const uses: [string, (sim: Simulation) => void][] = [
    ['arrives', () => {}],
    ['is lost', (sim) => sim.setLossRate(1)],
    ['is cut off by a partition', (sim) => sim.partition(['a'], ['b'])],
  ];
  test.each(uses)('a link stays through which something was sent that %s', async (_name, prepare) => {
    const { sim, log, a, b } = pair({ ...none, silentCrashes: true });
    prepare(sim);
    a.transport.send('b', text('1'));
    await sim.runFor(idleMs / 2);
    b.transport.send('a', text('2'));
    await sim.runFor(idleMs / 2 + 1_000);
    a.transport.send('c', text('nobody'));
    sim.setLossRate(0);
    sim.heal();
    // The link is still there, so the machine at its other end has to answer that it does not know it.
    sim.restart('b');
    a.transport.send('b', text('3'));
    await sim.runFor(100);
    expect(log.at(-1)).toBe(`${idleMs + 1_080} a lost b: connection reset`);
  });

  test('a link stays while frames wait in a queue, however long, and for a while after they have left it', async () => {
    const { sim, log, a } = pair({ inboundBytesPerSecond: 100, silentCrashes: true });
    const waitMs = idleMs + 10_000;
    const frame = new Uint8Array(waitMs / 10);
    a.transport.send('b', frame);
    await sim.runFor(idleMs + 5_000);
    a.transport.send('c', text('nobody'));
    await sim.runFor(idleMs + 1_000);
    expect(log).toContain(`${waitMs + 40} a>b ${frame.length} bytes`);
    a.transport.send('d', text('nobody'));
    sim.restart('b');
    a.transport.send('b', text('again'));
    await sim.runFor(100);
    expect(log.at(-1)).toBe(`${2 * idleMs + 6_080} a lost b: connection reset`);
  });

  test('a link stays while frames that will be lost wait to leave', async () => {
    const { sim, a } = pair({ outboundBytesPerSecond: 100, lossRate: 1 });
    const frame = new Uint8Array((idleMs + 10_000) / 10);
    a.transport.send('b', frame);
    await sim.runFor(idleMs + 5_000);
    a.transport.send('c', text('nobody'));
    expect(a.transport.queuedBytes('b')).toBe(frame.length);
  });

  test('close tells the peers after the frames that came before, even through a full inbound queue', async () => {
    const { sim, log, a } = pair({ inboundBytesPerSecond: 100_000 });
    a.transport.send('b', new Uint8Array(10_000));
    a.transport.send('b', text(''));
    await a.transport.close();
    await sim.runFor(1_000);
    expect(log).toEqual(['140 a>b 10000 bytes', '140 a>b ', '140 b lost a: closed by the peer']);
    expect(() => sim.host('a')).toThrow(/restart it/);
  });

  test('reject closes the link at both ends and is counted; the next send opens a new one', async () => {
    const { sim, log, a, b } = pair(none);
    a.transport.send('b', text('nonsense'));
    b.transport.onFrame((from) => b.transport.reject(from, 'not a message'));
    await sim.runFor(50);
    a.transport.send('b', text('dropped'));
    await sim.runFor(50);
    expect(log).toEqual(['40.0625 b lost a: rejected: not a message', '80 a lost b: closed by the peer']);
    expect(sim.stats()).toMatchObject({ messages: 1, rejections: 1, messagesLost: 1 });
    b.transport.send('a', text('again'));
    await sim.runFor(50);
    expect(log.at(-1)).toBe('140 b>a again');
  });
});

describe('time', () => {
  test('timers fire at their time, in order, unless cancelled, and never at once', async () => {
    const { sim, log, a } = pair();
    const started = a.runtime.now();
    const fired = (name: string) => () => log.push(`${name} ${a.runtime.now() - started}`);
    a.runtime.after(10, fired('second'));
    a.runtime.after(5, fired('first'));
    a.runtime.after(0, fired('soon'));
    a.runtime.after(7, fired('cancelled')).cancel();
    await sim.runFor(20);
    expect(log).toEqual(['soon 0.0625', 'first 5', 'second 10']);
    expect(started).toBe(virtualEpochMs);
    expect(sim.nowMs).toBe(20);
  });

  test('promise chains of any length end before time moves on', async () => {
    const { sim, log, a } = pair();
    const chain = async () => {
      for (let i = 0; i < 10_000; i++) await Promise.resolve();
      log.push(`chain ${sim.nowMs}`);
    };
    a.runtime.after(10, () => void chain());
    a.runtime.after(10.0625, () => log.push('next instant'));
    await sim.runFor(11);
    expect(log).toEqual(['chain 10', 'next instant']);
  });

  test('a clock may be skewed, over restarts too, and never runs backwards', async () => {
    const { sim, a } = pair();
    sim.setClockSkew('a', 5_000);
    expect(a.runtime.now()).toBe(virtualEpochMs + 5_000);
    sim.setClockSkew('a', -1_000);
    await sim.runFor(2_000);
    expect(a.runtime.now()).toBe(virtualEpochMs + 5_000);
    await sim.runFor(6_000);
    expect(a.runtime.now()).toBe(virtualEpochMs + 7_000);
    expect(sim.restart('a').runtime.now()).toBe(virtualEpochMs + 7_000);
  });

  test('runUntil stops at the instant, returns the value, and passes a rejection on', async () => {
    const { sim, a } = pair();
    const later = <T>(delayMs: number, settle: () => T) =>
      new Promise<T>((resolve, reject) => {
        a.runtime.after(delayMs, () => {
          try {
            resolve(settle());
          } catch (error) {
            reject(error);
          }
        });
      });
    expect(
      await sim.runUntil(
        later(30, () => 'value'),
        { virtualMsMax: 100 },
      ),
    ).toBe('value');
    expect(sim.nowMs).toBe(30);
    const never = sim.runUntil(() => false, { virtualMsMax: 100 });
    await expect(never).rejects.toThrow(/nothing is left to happen/);
    const failing = later(10, () => {
      throw new RangeError('no');
    });
    await expect(sim.runUntil(failing, { virtualMsMax: 100 })).rejects.toThrow(RangeError);
  });

  test('what does not happen in time is an error that names seed and virtual time', async () => {
    const { sim, a } = pair({ seed: 99 });
    const tick = () => void a.runtime.after(10, tick);
    tick();
    const failed = sim.runUntil(() => false, { virtualMsMax: 250 });
    await expect(failed).rejects.toThrow('not reached within 250 virtual ms (seed 99, virtual time 250 ms)');
  });

  test('a failure in a node ends the run with seed, virtual time and cause', async () => {
    const { sim, a } = pair({ seed: 5 });
    const bug = new TypeError('bug');
    a.runtime.after(12, () => {
      throw bug;
    });
    const error = await sim.runFor(100).catch((error) => error);
    expect(error).toBeInstanceOf(SimulationError);
    expect(error).toMatchObject({ seed: 5, virtualMs: 12, cause: bug });
  });
});
