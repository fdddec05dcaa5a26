import { strict as assert } from 'node:assert';
import { headOf } from '../keys.ts';
import type { Contact, Key } from '../overlay.ts';
import type { Address } from '../runtime.ts';

const capacityMin = 16;

/**
 * Members in ring order, each with the little that is remembered of it, in parallel arrays: ten thousand nodes in one
 * process each know a thousand others. A member's head, the leading bits of its id, decides nearly every comparison.
 *
 * Indices may lie up to one turn outside the array; `size` is one turn.
 */
export class ContactRing {
  readonly self: Contact;
  readonly #slotSizes: Uint16Array;
  #contacts: Contact[];
  /** Whether the array of contacts was given away, so that it must be copied before it changes. */
  #isShared = false;
  #heads = new Float64Array(capacityMin);
  #addressHashes = new Uint32Array(capacityMin);
  #rttsMs = new Float32Array(capacityMin);
  #slots = new Uint16Array(capacityMin);
  #heardAt = new Uint32Array(capacityMin);
  #clock = 0;
  #selfIndex = 0;

  /** @param slots how many there are: a member's slot is an integer below it */
  constructor(self: Contact, slots: number) {
    this.self = self;
    this.#slotSizes = new Uint16Array(slots);
    this.#contacts = [self];
    this.#heads[0] = headOf(self.id);
    this.#addressHashes[0] = hashOf(self.address);
  }

  get size(): number {
    return this.#contacts.length;
  }

  get selfIndex(): number {
    return this.#selfIndex;
  }

  get slots(): number {
    return this.#slotSizes.length;
  }

  // ---- Reading

  contacts(): readonly Contact[] {
    this.#isShared = true;
    return this.#contacts;
  }

  at(index: number): Contact {
    return this.#contacts[this.#wrap(index)] as Contact;
  }

  id(index: number): Key {
    return this.at(index).id;
  }

  head(index: number): number {
    return this.#heads[this.#wrap(index)] as number;
  }

  slot(index: number): number {
    return this.#slots[index] as number;
  }

  /** Milliseconds; infinite when it was never measured. */
  rttMs(index: number): number {
    return this.#rttsMs[index] as number;
  }

  slotSize(slot: number): number {
    return this.#slotSizes[slot] as number;
  }

  /** Index of the first member at or after `key`; `size` when there is none. */
  indexFrom(key: Key): number {
    const head = headOf(key);
    let low = 0;
    let high = this.#contacts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = this.#heads[middle] as number;
      if (at < head || (at === head && (this.#contacts[middle] as Contact).id < key)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Index of a member; -1 when it is not known. */
  indexOf(id: Key): number {
    const index = this.indexFrom(id);
    return this.#contacts[index]?.id === id ? index : -1;
  }

  /** Index of a member that lives at this address; -1 when none is known. */
  indexAt(address: Address): number {
    const hash = hashOf(address);
    let index = this.#addressHashes.indexOf(hash);
    while (index >= 0 && index < this.size && this.at(index).address !== address) {
      index = this.#addressHashes.indexOf(hash, index + 1);
    }
    return index < this.size ? index : -1;
  }

  /** Indices of the members of a slot. */
  membersOf(slot: number): readonly number[] {
    const members: number[] = [];
    for (let i = this.#slots.indexOf(slot); members.length < this.slotSize(slot); i++) {
      if (this.#slots[i] === slot && i !== this.#selfIndex) members.push(i);
    }
    return members;
  }

  /** The slot of most members, the first of several, among those that may be chosen; 0 when there is none. */
  fullestSlot(mayBe: (slot: number) => boolean): number {
    let fullest = 0;
    let size = 0;
    for (let slot = 0; slot < this.#slotSizes.length; slot++) {
      const members = this.#slotSizes[slot] as number;
      if (members <= size || !mayBe(slot)) continue;
      fullest = slot;
      size = members;
    }
    return fullest;
  }

  /** Of some members, the one that was neither heard nor visited for the longest; -1 when there is none. */
  leastRecent(isCandidate: (index: number) => boolean): number {
    let least = -1;
    for (let i = 0; i < this.#contacts.length; i++) {
      if (least !== -1 && (this.#heardAt[i] as number) >= (this.#heardAt[least] as number)) continue;
      if (isCandidate(i)) least = i;
    }
    return least;
  }

  // ---- Changing

  insert(contact: Contact, slot: number, rttMs: number): void {
    const index = this.indexFrom(contact.id);
    this.#own();
    if (this.size === this.#heads.length) this.#grow();
    for (const column of this.#columns()) column.copyWithin(index + 1, index, this.size);
    this.#contacts.splice(index, 0, contact);
    this.#heads[index] = headOf(contact.id);
    this.#addressHashes[index] = hashOf(contact.address);
    this.#rttsMs[index] = rttMs;
    this.#slots[index] = slot;
    this.visit(index);
    this.#slotSizes[slot] = this.slotSize(slot) + 1;
    if (index <= this.#selfIndex) this.#selfIndex += 1;
  }

  removeAt(index: number): Contact {
    const slot = this.slot(index);
    this.#own();
    for (const column of this.#columns()) column.copyWithin(index, index + 1, this.size);
    const [contact] = this.#contacts.splice(index, 1);
    this.#slotSizes[slot] = this.slotSize(slot) - 1;
    if (index < this.#selfIndex) this.#selfIndex -= 1;
    return contact as Contact;
  }

  /** The member has another address. */
  replace(index: number, contact: Contact): void {
    this.#own();
    this.#contacts[index] = contact;
    this.#addressHashes[index] = hashOf(contact.address);
  }

  measure(index: number, rttMs: number): void {
    this.#rttsMs[index] = rttMs;
  }

  /** The member was heard, or is about to be asked: its turn comes last again. */
  visit(index: number): void {
    this.#clock += 1;
    this.#heardAt[index] = this.#clock;
  }

  checkInvariants(): void {
    const slotSizes = new Uint16Array(this.slots);
    for (const [i, { id, address }] of this.#contacts.entries()) {
      assert(i === 0 || (this.#contacts[i - 1] as Contact).id < id, 'members stand in ring order');
      assert(this.#heads[i] === headOf(id), 'heads belong to ids');
      assert(this.at(this.indexAt(address)).address === address, 'members are found by their addresses');
      if (i === this.#selfIndex) continue;
      slotSizes[this.slot(i)] = (slotSizes[this.slot(i)] as number) + 1;
    }
    assert(this.#contacts[this.#selfIndex] === this.self, 'this node stands where it thinks');
    assert.deepEqual(slotSizes, this.#slotSizes, 'slots are counted');
  }

  #wrap(index: number): number {
    const size = this.#contacts.length;
    return index < 0 ? index + size : index >= size ? index - size : index;
  }

  #own(): void {
    if (this.#isShared) this.#contacts = this.#contacts.slice();
    this.#isShared = false;
  }

  #columns(): readonly (Float64Array | Float32Array | Uint32Array | Uint16Array)[] {
    return [this.#heads, this.#addressHashes, this.#rttsMs, this.#slots, this.#heardAt];
  }

  #grow(): void {
    const capacity = Math.ceil(1.5 * this.size);
    const grown = <T extends { set(from: T): void }>(column: T, larger: T): T => {
      larger.set(column);
      return larger;
    };
    this.#heads = grown(this.#heads, new Float64Array(capacity));
    this.#addressHashes = grown(this.#addressHashes, new Uint32Array(capacity));
    this.#rttsMs = grown(this.#rttsMs, new Float32Array(capacity));
    this.#slots = grown(this.#slots, new Uint16Array(capacity));
    this.#heardAt = grown(this.#heardAt, new Uint32Array(capacity));
  }
}

/** FNV-1a. */
function hashOf(address: Address): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < address.length; i++) hash = Math.imul(hash ^ address.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
