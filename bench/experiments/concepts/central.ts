import { anyOf } from '../harness/distributions.ts';
import type { Context } from '../harness/experiment.ts';
import { type Concept, frameOf, type Machine, SmallProgram, words } from './concept.ts';

/** One of the machines knows who has what, and everybody asks it. Napster's way. */
class Central extends SmallProgram {
  readonly #index = new Map<string, string>();
  readonly #server: Machine;

  constructor(context: Context, nodes: number) {
    super(context, nodes);
    this.#server = anyOf(this.random, this.machines);
    for (const { host, item } of this.machines) {
      this.#index.set(item, host.address);
      host.transport.onFrame((from, frame) => {
        const [what, id = '', ...rest] = words(frame);
        if (what === 'answer') this.answered(Number(id), rest.join(' '));
        else host.transport.send(from, frameOf('answer', id, this.#index.get(rest.join(' ')) ?? ''));
      });
    }
  }

  state(): { mean: number; most: number } {
    // Everybody remembers the server; the server everything.
    return { mean: 1 + this.#index.size / this.machines.length, most: this.#index.size };
  }

  protected ask(asker: Machine, id: number, item: string): void {
    if (asker === this.#server) this.answered(id, this.#index.get(item) ?? '');
    else asker.host.transport.send(this.#server.host.address, frameOf('who', id, item));
  }
}

export const central: Concept = {
  name: 'central server',
  trials: 20,
  start: (context, nodes) => Promise.resolve(new Central(context, nodes)),
};
