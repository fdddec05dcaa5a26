import { overlayDefaults } from '../defaults.ts';
import { ContactTable } from '../geometry/contact-table.ts';
import { keyOf } from '../keys.ts';
import type { Contact } from '../overlay.ts';
import type { RoutingTable } from '../routing-table.ts';

/** Members by number, anywhere on the ring. */
export function contactOf(number: number): Contact {
  return { id: keyOf(`member ${number}`), address: `n${number}:1` };
}

export function contactsOf(count: number, from = 0): Contact[] {
  return Array.from({ length: count }, (_, i) => contactOf(from + i));
}

/** The table of one that has heard the others. */
export function tableOf(self: Contact, others: Iterable<Contact>, options = {}): RoutingTable {
  const table = new ContactTable(self, { ...overlayDefaults, ...options });
  for (const other of others) table.heard(other);
  return table;
}
