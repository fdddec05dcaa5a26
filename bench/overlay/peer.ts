import type { SystemName } from './systems.ts';

/** Names a stored value: its hash, as the system computes it. */
export type Handle = string;

/** One node of a system under measurement, as its clients use it. */
export interface DhtPeer {
  /** `host:port` for others to join through. */
  readonly address: string;
  /** Resolves when the node knows the others and can serve. */
  ready(nodes: number): Promise<void>;
  /** Stores a value under its hash; resolves when the system calls it stored. */
  put(value: Buffer): Promise<Handle>;
  /** Whether the value was found, checked against its hash. */
  get(handle: Handle): Promise<boolean>;
  /** Finds who is responsible for a key of 20 bytes. */
  lookup(key: Buffer): Promise<void>;
  close(): Promise<void>;
}

/** Starts a node on loopback; the first of a network has nobody to join. */
export type StartPeer = (join: string | null) => Promise<DhtPeer>;

/** Loads no more than the one system, so that none pays for the others. */
export async function starterOf(system: SystemName): Promise<StartPeer> {
  switch (system) {
    case 'wharf':
      return (await import('./wharf.ts')).startWharf;
    case 'hyperdht':
      return (await import('./hyperdht.ts')).startHyperdht;
    case 'bittorrent-dht':
      return (await import('./bittorrent.ts')).startBittorrent;
  }
}
