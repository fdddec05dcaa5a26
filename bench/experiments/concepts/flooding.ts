import { anyOf } from '../harness/distributions.ts';
import type { Context } from '../harness/experiment.ts';
import { type Concept, frameOf, type Machine, SmallProgram, words } from './concept.ts';

/** Links that a machine opens when it comes; as many others, on average, are opened to it. */
const linksOpened = 3;

/** Everybody knows a few others, and asks all of them, who ask all of theirs. Gnutella's way, without a horizon. */
class Flooding extends SmallProgram {
  readonly #links = new Map<string, Set<string>>();
  readonly #seen = new Map<string, Set<string>>();

  constructor(context: Context, nodes: number) {
    super(context, nodes);
    for (const [i, { host }] of this.machines.entries()) {
      this.#links.set(host.address, new Set());
      this.#seen.set(host.address, new Set());
      for (let link = 0; link < Math.min(linksOpened, i); link++) {
        const other = anyOf(this.random, this.machines.slice(0, i)).host.address;
        this.#links.get(host.address)?.add(other);
        this.#links.get(other)?.add(host.address);
      }
    }
    for (const machine of this.machines) {
      machine.host.transport.onFrame((from, frame) => {
        const [what, id = '', asker = '', ...rest] = words(frame);
        if (what === 'answer') this.answered(Number(id), asker);
        else this.#receive(machine, from, id, asker, rest.join(' '));
      });
    }
  }

  state(): { mean: number; most: number } {
    const degrees = this.machines.map(({ host }) => this.#links.get(host.address)?.size ?? 0);
    return { mean: degrees.reduce((sum, degree) => sum + degree, 0) / degrees.length, most: Math.max(...degrees) };
  }

  protected ask(asker: Machine, id: number, item: string): void {
    this.#receive(asker, asker.host.address, String(id), asker.host.address, item);
  }

  #receive(machine: Machine, from: string, id: string, asker: string, item: string): void {
    const { transport, address } = machine.host;
    const seen = this.#seen.get(address);
    if (!seen || seen.has(id)) return;
    seen.add(id);
    if (machine.item === item) {
      if (asker === address) this.answered(Number(id), address);
      else transport.send(asker, frameOf('answer', id, address));
      return;
    }
    for (const peer of this.#links.get(address) ?? []) {
      if (peer !== from) transport.send(peer, frameOf('who', id, asker, item));
    }
  }
}

export const flooding: Concept = {
  name: 'flooding',
  trials: 3,
  start: (context, nodes) => Promise.resolve(new Flooding(context, nodes)),
};
