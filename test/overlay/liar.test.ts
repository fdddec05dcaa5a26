import { expect, test } from 'vitest';
import { type Contact, type Key, OverlayError, OverlayNode, type Region, randomKey } from '../../overlay/index.ts';
import { encodeFrame, type Message, type News, nameOf } from '../../overlay/messages.ts';
import { advertOf } from '../../overlay/testing/adverts.ts';
import { Fleet, type Variant, variants } from './fleet.ts';

// What hearsay may do and what not: see overlay/membership/README.md. Nothing is promised of what a liar does with data.

const members = 24;
const lyingMs = 15_000;
const lieEveryMs = 500;
const victimsShare = 0.2;
/** Within it members that never were are found out, and those that were dropped are back. */
const recoveryMs = 120_000;

const everything: Region = { from: '0'.repeat(40), to: '0'.repeat(40) };

/** A member that does all that others do, and besides says what is not so. */
class Liar {
  readonly node: OverlayNode;
  readonly #fleet: Fleet;
  readonly #tell: (to: Contact, message: Message) => void;
  #lies = 0;

  constructor(fleet: Fleet, { geometry }: Variant) {
    this.#fleet = fleet;
    const { runtime, transport } = fleet.sim.host('liar:1');
    this.node = new OverlayNode({ runtime, transport, options: { geometry } });
    const { self, incarnation } = this.node;
    fleet.nodes.set(self.address, this.node);
    this.#tell = ({ id, address }, message) =>
      transport.send(
        address,
        encodeFrame({ sender: self.id, incarnation, isMember: true, target: id && nameOf(id), message }),
      );
  }

  /** To everybody: that living members died, that another one joined, and that this one has complete copies of all. */
  lie(): void {
    const { sim } = this.#fleet;
    const others = this.#fleet.all().filter((node) => node !== this.node);
    for (const { self: to } of others) {
      this.#lies += 1;
      const deaths: News[] = others
        .filter(({ self }) => self.id !== to.id && sim.random() < victimsShare)
        .map(({ self }) => ({ kind: 'failed', name: nameOf(self.id), agoMs: 0 }));
      const invented: Contact = { id: randomKey(() => sim.random()), address: `nobody${this.#lies}:1` };
      const news: News[] = [...deaths, { kind: 'joined', contact: invented, agoMs: 0 }];
      this.#tell(to, { type: 'gossip', number: this.#lies, news });
      const advert = { version: 50_000 + this.#lies, advert: advertOf([everything]) };
      const ping = { stamp: 1, seen: 0, asks: false, view: null, entry: null, census: null } as const;
      this.#tell(to, { type: 'ping', ...ping, advert, contacts: [invented] });
    }
  }
}

/** Null when nobody was found in time. */
async function found(lookup: Promise<Contact>): Promise<Key | null> {
  try {
    return (await lookup).id;
  } catch (error) {
    if (error instanceof OverlayError) return null;
    throw error;
  }
}

test.each(variants([1, 2, 3]))(
  'a member that lies has nobody dropped for good, and nobody invented kept ($geometry, seed $seed)',
  async (variant) => {
    const fleet = await Fleet.start(members, variant);
    const { sim } = fleet;
    const liar = new Liar(fleet, variant);
    await sim.runUntil(liar.node.join(['n0:1']), { virtualMsMax: 60_000 });
    await fleet.settle();
    const lookups: Promise<Key | null>[] = [];
    let droppedMost = 0;
    let inventedMost = 0;
    for (let elapsedMs = 0; elapsedMs < lyingMs; elapsedMs += lieEveryMs) {
      liar.lie();
      await sim.runFor(lieEveryMs);
      for (const node of fleet.all()) {
        const real = node.contacts().filter(({ address }) => fleet.nodes.has(address)).length;
        droppedMost = Math.max(droppedMost, fleet.nodes.size - real);
        inventedMost = Math.max(inventedMost, node.contacts().length - real);
      }
      const asking = fleet.node(Math.floor(sim.random() * members));
      lookups.push(found(asking.lookup(randomKey(() => sim.random()))));
    }
    // It was believed, or this proves nothing.
    expect(droppedMost).toBeGreaterThan(0);
    expect(inventedMost).toBeGreaterThan(0);

    // Every lookup ends, at one who is there or at nobody.
    await sim.runUntil(Promise.all(lookups), { virtualMsMax: 60_000 });
    const living = new Set<Key | null>(fleet.all().map(({ self }) => self.id));
    for (const owner of await Promise.all(lookups)) expect(owner === null || living.has(owner)).toBe(true);

    await sim.runUntil(() => fleet.disagreement() === null, { virtualMsMax: recoveryMs });
    fleet.checkTiling();
    for (const node of fleet.all()) {
      const key = randomKey(() => sim.random());
      const owner = found(node.lookup(key));
      await sim.runUntil(owner, { virtualMsMax: 60_000 });
      expect(await owner).toBe(fleet.all().find((one) => one.owns(key))?.self.id);
    }
  },
);
