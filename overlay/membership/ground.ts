import type { Log } from '../defaults.ts';
import type { RoutingTable } from '../routing-table.ts';
import type { Runtime } from '../runtime.ts';
import type { Peers } from './peers.ts';

/** What all parts of membership stand on. */
export interface Ground {
  readonly runtime: Runtime;
  readonly table: RoutingTable;
  readonly peers: Peers;
  readonly log: Log;
}
