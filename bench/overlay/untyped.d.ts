// The parts of the compared libraries that the benchmark calls; neither ships types.

declare module 'hyperdht' {
  interface Query {
    finished(): Promise<void>;
  }
  export default class HyperDHT {
    constructor(options: {
      readonly ephemeral: boolean;
      readonly firewalled: boolean;
      readonly bootstrap: readonly string[];
      readonly host: string;
      readonly port: number;
    });
    fullyBootstrapped(): Promise<void>;
    address(): { readonly host: string; readonly port: number };
    immutablePut(value: Buffer): Promise<{ readonly hash: Buffer }>;
    immutableGet(target: Buffer): Promise<{ readonly value: Buffer } | null>;
    findNode(target: Buffer): Query;
    destroy(): Promise<void>;
  }
}

declare module 'bittorrent-dht' {
  import type { EventEmitter } from 'node:events';
  export default class Client extends EventEmitter {
    constructor(options: {
      readonly bootstrap: readonly string[] | false;
      readonly host: string;
      readonly maxValues: number;
      readonly maxTables: number;
    });
    listen(port: number, address: string): void;
    address(): { readonly port: number };
    put(options: { readonly v: Buffer }, done: (error: Error | null, hash: Buffer) => void): void;
    get(
      hash: Buffer,
      options: { readonly cache: boolean },
      done: (error: Error | null, found: { readonly v: Buffer } | null) => void,
    ): void;
    lookup(hash: Buffer, done: (error: Error | null, nodes: number) => void): void;
    destroy(done: () => void): void;
  }
}
