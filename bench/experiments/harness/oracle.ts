import {
  type Contact,
  ContactTable,
  type GeometryName,
  type Key,
  overlayDefaults,
  type RegionSet,
  type RoutingTable,
} from '../../../overlay/index.ts';

/**
 * What a node that knew all members at every moment would answer: the truth that lookups are held against, by the
 * same geometry that the nodes have.
 */
export class Oracle {
  readonly #contacts = new Map<Key, Contact>();
  readonly #geometry: GeometryName;
  #table: RoutingTable | null = null;

  constructor(geometry: GeometryName = overlayDefaults.geometry) {
    this.#geometry = geometry;
  }

  add(contact: Contact): void {
    this.#contacts.set(contact.id, contact);
    this.#table?.heard(contact);
  }

  remove(id: Key): void {
    this.#contacts.delete(id);
    // A table cannot do without the node whose it is.
    if (this.#table?.self.id === id) this.#table = null;
    else this.#table?.remove(id);
  }

  owner(key: Key): Contact {
    return this.#whole().owner(key);
  }

  region(id: Key): RegionSet {
    return this.#whole().replicaRegionOf(id, 1);
  }

  #whole(): RoutingTable {
    if (this.#table) return this.#table;
    // In ring order each insertion is at the end.
    const [self, ...others] = [...this.#contacts.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    if (!self) throw new RangeError('nobody is there');
    const table = new ContactTable(self, {
      geometry: this.#geometry,
      contactsMax: Number.MAX_SAFE_INTEGER,
      leafSetSize: 2,
    });
    for (const contact of others) table.heard(contact);
    this.#table = table;
    return table;
  }
}
