import { hash } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { randomStream } from '../../simulator/random.ts';
import type { LoadResult, LoadSpec } from './messages.ts';
import type { DhtPeer, Handle } from './peer.ts';

export const operations = ['put', 'get', 'lookup'] as const;
export type Operation = (typeof operations)[number];

/** The greatest that all systems take is 1,000 bytes. */
export const valueBytes = 512;

/** A closed loop: each of `inFlight` callers starts its next operation when its last is done. */
export async function runLoad(peer: DhtPeer, spec: LoadSpec): Promise<LoadResult> {
  const latenciesMs: number[] = [];
  const handles: Handle[] = [];
  let failures = 0;
  let started = 0;
  const random = randomStream(spec.seed, 'load');
  const anyHandle = (): Handle => spec.handles[Math.floor(random() * spec.handles.length)] as Handle;
  const once = {
    put: async () => handles.push(await peer.put(valueNumbered(spec.seed, started++))) > 0,
    get: () => peer.get(anyHandle()),
    lookup: () => peer.lookup(hash('sha1', `${spec.seed}/${started++}`, 'buffer')).then(() => true),
  }[spec.operation];
  const startedMs = performance.now();
  const caller = async (): Promise<void> => {
    for (;;) {
      const beganMs = performance.now();
      if (beganMs - startedMs >= spec.durationMs) return;
      const isDone = await once().catch(() => false);
      if (isDone) latenciesMs.push(performance.now() - beganMs);
      else failures += 1;
    }
  };
  await Promise.all(Array.from({ length: spec.inFlight }, caller));
  return {
    latenciesMs: Float64Array.from(latenciesMs),
    failures,
    elapsedMs: performance.now() - startedMs,
    handles,
  };
}

/** The same values for every system. */
function valueNumbered(seed: number, number: number): Buffer {
  return Buffer.alloc(valueBytes, `${seed}/${number} `);
}
