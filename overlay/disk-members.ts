import { CodecError, contact, decode, encode, list } from './codec.ts';
import { diskKey, diskPrefix, type Journal } from './journal.ts';
import type { Contact } from './overlay.ts';
import type { RoutingTable } from './routing-table.ts';
import type { Runtime, Timer } from './runtime.ts';

/** Enough to find the fleet again, and all who may have copies of what this node has. */
const membersMax = 64;
/** Changes within this time are written together, but the first at once: whoever crashed before would come back knowing nobody. */
const writeDelayMs = 1_000;

const members = list(contact, membersMax);
const key = diskKey(diskPrefix.members);

/** The members nearest to this node, as kept in its journal: with whom to enter the ring again. */
export class DiskMembers {
  readonly #runtime: Runtime;
  readonly #journal: Journal;
  readonly #table: RoutingTable;
  #recovered: readonly Contact[] = [];
  #soon: Timer | null = null;
  #isWritten = false;
  /** Nobody is left, and the last has not failed. */
  #isAlone = false;

  constructor(runtime: Runtime, journal: Journal, table: RoutingTable) {
    this.#runtime = runtime;
    this.#journal = journal;
    this.#table = table;
  }

  /**
   * Those of an earlier life, nearest first.
   * @throws StorageError
   */
  async recover(): Promise<readonly Contact[]> {
    for await (const { value } of this.#journal.read(diskPrefix.members)) {
      try {
        this.#recovered = decode(members, value);
        this.#isWritten = true;
      } catch (error) {
        if (!(error instanceof CodecError)) throw error;
        this.#journal.damaged(error.message);
      }
    }
    return this.#recovered;
  }

  /** What `recover` found, once. */
  takeRecovered(): readonly Contact[] {
    const recovered = this.#recovered;
    this.#recovered = [];
    return recovered;
  }

  /** A node whose last neighbour has failed keeps it: that may be whom it is to look for. */
  changed(): void {
    if (this.#table.size === 1) return;
    this.#isAlone = false;
    this.#write();
  }

  /** A member has left in order. Nobody need look for it, also if it was the last. */
  left(): void {
    this.#isAlone = this.#table.size === 1;
    this.#write();
  }

  #write(): void {
    if (!this.#journal.isDurable) return;
    this.#soon ??= this.#runtime.after(this.#isWritten ? writeDelayMs : 0, () => {
      this.#soon = null;
      if (this.#table.size === 1 && !this.#isAlone) return;
      this.#isWritten = true;
      this.#journal.write(key, encode(members, this.#table.around(this.#table.self.id, membersMax)));
    });
  }

  close(): void {
    this.#soon?.cancel();
  }
}
