import type { Copies, Source } from './copies.ts';
import { between } from './keys.ts';
import { flawed } from './losses.ts';
import type { Contact, Delegation, Key, Loss, Region, Split } from './overlay.ts';
import { RegionSet } from './region.ts';
import type { RegionReading } from './region-reader.ts';
import type { RoutingTable } from './routing-table.ts';

/** What this node may answer for, and who answers for the rest, by its table and its copies. Decides only. */
export class Serving {
  readonly #table: RoutingTable;
  readonly #copies: Copies;
  readonly #replicas: number;

  constructor(table: RoutingTable, copies: Copies, replicas: number) {
    this.#table = table;
    this.#copies = copies;
    this.#replicas = replicas;
  }

  /** @see OverlayNode.holds */
  holds(first: Key, last: Key): boolean {
    // Asked with every get and put, of one key.
    return first === last ? this.#copies.serves(first) : this.#copies.servable().covers(between(first, last));
  }

  /** A member that holds a key which this node owns but does not hold; undefined when none is known. */
  holderOf(key: Key): Contact | undefined {
    return this.#copies.holdersOf(new RegionSet([between(key, key)])).sources[0]?.contact;
  }

  /** @see OverlayNode.copiers */
  copiers(first: Key, last: Key): Contact[] {
    const region = between(first, last);
    const keepers =
      first === last
        ? this.#table.replicas(first, this.#replicas)
        : this.#table.keepers(new RegionSet([region]), this.#replicas);
    const others = this.#copies.claimants(region).filter(({ id }) => !keepers.some((keeper) => keeper.id === id));
    return [...keepers, ...others].filter(({ id }) => id !== this.#table.self.id);
  }

  /** @see Overlay.losses */
  losses(keys: RegionSet): readonly Loss[] {
    return this.#copies.lossesIn(keys);
  }

  /** @see Overlay.split */
  split(region: RegionSet, fanout: number, asHolder: boolean): Split {
    const servable = this.#copies.servable();
    if (asHolder) return { serve: servable.intersect(region), delegate: [], lost: servable.missingFrom(region) };
    const own = region.intersect(this.#table.region());
    const rest = own.missingFrom(region);
    const delegate: Delegation[] = [];
    if (this.#copies.isLeaving) {
      delegate.push(...this.#heirs(own));
      for (const { region: part } of delegate) own.removeAll(part);
    }
    const lost = servable.missingFrom(own);
    if (!lost.isEmpty) {
      const holdersMax = rest.isEmpty ? fanout : fanout - 1;
      for (const [to, part] of byContact(this.#copies.holdersOf(lost).sources).slice(0, holdersMax)) {
        delegate.push({ to, region: part, asHolder: true });
        lost.removeAll(part);
      }
    }
    if (!rest.isEmpty) {
      // Heirs may use the fanout up, and somebody must be given the rest all the same.
      const split = this.#table.split(rest, Math.max(1, fanout - delegate.length));
      delegate.push(...split.delegate.map(({ to, region: part }) => ({ to, region: part, asHolder: false })));
    }
    return { serve: servable.intersect(own), delegate, lost };
  }

  /**
   * Who owns keys of this node once it has left: they take writes already, which do not come here any more, and know
   * whether the copy here is still to be read.
   */
  #heirs(own: RegionSet): Delegation[] {
    const { self } = this.#table;
    if (own.isEmpty) return [];
    return this.#table
      .keepers(own, 2)
      .filter(({ id }) => id !== self.id)
      .map((to) => ({ to, region: own.intersect(this.#table.replicaRegionOf(to.id, 2)), asHolder: false }))
      .filter(({ region }) => !region.isEmpty);
  }

  /** What others may read here. `anything`: retired copies too, which may lack whatever came since they retired. */
  readable(regions: readonly Region[], anything: boolean, nowMs: number): RegionReading {
    const wanted = new RegionSet(regions);
    const servable = this.#copies.servable().intersect(wanted);
    const losses = this.#copies.lossesIn(servable);
    if (!anything) return { available: servable, losses, doubtful: new RegionSet() };
    const available = this.#copies.readable().intersect(wanted);
    const retired = servable.missingFrom(available);
    const doubtful = retired.intersect(this.#copies.stale);
    retired.removeAll(doubtful);
    return { available, losses: [...losses, ...flawed(retired, nowMs)], doubtful };
  }
}

/** What each source is to give, together. */
function byContact(sources: readonly Source[]): (readonly [Contact, RegionSet])[] {
  const regions = new Map<Contact, RegionSet>();
  for (const { contact, region } of sources) {
    const ofContact = regions.get(contact) ?? new RegionSet();
    ofContact.add(region);
    regions.set(contact, ofContact);
  }
  return [...regions];
}
