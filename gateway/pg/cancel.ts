import { randomInt } from 'node:crypto';

const int32Max = 2 ** 31 - 1;

export interface CancelKey {
  readonly processId: number;
  readonly secret: number;
  readonly forget: () => void;
}

/** The keys that let a second connection cancel what a first one runs. */
export class CancelKeys {
  readonly #running = new Map<number, { readonly secret: number; readonly cancel: () => void }>();
  #lastProcessId = 0;

  issue(cancel: () => void): CancelKey {
    this.#lastProcessId = (this.#lastProcessId % int32Max) + 1;
    const processId = this.#lastProcessId;
    const secret = randomInt(-(2 ** 31), 2 ** 31);
    this.#running.set(processId, { secret, cancel });
    return { processId, secret, forget: () => this.#running.delete(processId) };
  }

  /** Does nothing when the key fits no connection: a cancel request is never answered. */
  cancel(processId: number, secret: number): void {
    const running = this.#running.get(processId);
    if (running?.secret === secret) running.cancel();
  }
}
