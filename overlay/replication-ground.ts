import type { Copies } from './copies.ts';
import type { Log } from './defaults.ts';
import type { Kinds } from './exports.ts';
import type { Contact } from './overlay.ts';
import type { RoutingTable } from './routing-table.ts';
import type { Runtime } from './runtime.ts';

/** What the parts of replication stand on. */
export interface ReplicationGround {
  readonly runtime: Runtime;
  readonly table: RoutingTable;
  readonly copies: Copies;
  readonly kinds: Kinds;
  readonly log: Log;
  /** Has a member say what copies it has. */
  readonly ping: (to: Contact) => void;
  /** The advert changed: neighbours should hear of it soon. */
  readonly advertise: () => void;
}
