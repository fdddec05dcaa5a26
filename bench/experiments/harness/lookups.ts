import { type Key, OverlayError, type OverlayNode } from '../../../overlay/index.ts';
import type { Fleet } from './fleet.ts';

/** One question for the owner of a key. It stays open for ever when the asking node dies. */
export interface Lookup {
  /** Its id only: a node that has crashed is not to stay in memory for what it asked. */
  readonly asker: Key;
  readonly key: Key;
  readonly startedAtMs: number;
  state: 'open' | 'answered' | 'failed';
  /** By the answer; null without one. */
  owner: Key | null;
  /** Who that should have been when the answer came. */
  trueOwner: Key | null;
  /** From the question to the answer, virtual milliseconds. */
  elapsedMs: number;
}

/** Asks the ring from `asker` by `Overlay.lookup`. */
export function lookUp(fleet: Fleet, asker: OverlayNode, key: Key): Lookup {
  const startedAtMs = fleet.sim.nowMs;
  const lookup: Lookup = {
    asker: asker.self.id,
    key,
    startedAtMs,
    state: 'open',
    owner: null,
    trueOwner: null,
    elapsedMs: 0,
  };
  const end = (owner: Key | null): void => {
    lookup.state = owner === null ? 'failed' : 'answered';
    lookup.owner = owner;
    lookup.trueOwner = fleet.oracle.owner(key).id;
    lookup.elapsedMs = fleet.sim.nowMs - startedAtMs;
  };
  asker.lookup(key).then(
    ({ id }) => end(id),
    (error: unknown) => {
      if (!(error instanceof OverlayError)) throw error;
      end(null);
    },
  );
  return lookup;
}

export function isRight({ owner, trueOwner }: Lookup): boolean {
  return owner !== null && owner === trueOwner;
}

/** Lookups that count: a machine that is gone cannot tell what it was answered. */
export function judged(fleet: Fleet, lookups: readonly Lookup[]): Lookup[] {
  return lookups.filter((lookup) => lookup.state !== 'open' || fleet.isMember(lookup.asker));
}

/** A message on its way to the owner of a key. */
export interface Route {
  readonly key: Key;
  readonly source: OverlayNode;
  readonly startedAtMs: number;
  /** Null while it is under way; for ever when it was dropped. */
  hops: number | null;
  /** One way, virtual milliseconds. */
  elapsedMs: number;
}

const routeApp = 1;

/** Sends messages by `Overlay.route` and notes where they arrive, by which number of hops and when. */
export class Routes {
  readonly #routes: Route[] = [];
  #fleet: Fleet | null = null;

  /** For `FleetOptions.prepare`. */
  prepare(node: OverlayNode): void {
    node.register(routeApp, {
      deliver: ({ payload, hops }) => {
        const route = this.#routes[new DataView(payload.buffer, payload.byteOffset, 4).getUint32(0)];
        if (!route || !this.#fleet) return;
        route.hops = hops;
        route.elapsedMs = this.#fleet.sim.nowMs - route.startedAtMs;
      },
    });
  }

  start(fleet: Fleet, source: OverlayNode, key: Key): Route {
    this.#fleet = fleet;
    const route: Route = { key, source, startedAtMs: fleet.sim.nowMs, hops: null, elapsedMs: 0 };
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint32(0, this.#routes.push(route) - 1);
    source.route(key, routeApp, payload);
    return route;
  }
}
