/** Messages waiting for one reader. */
export class Inbox<T> {
  readonly #messages: T[] = [];
  #failure: Error | null = null;
  #waiting: { readonly resolve: (message: T) => void; readonly reject: (reason: Error) => void } | null = null;

  push(message: T): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting === null) this.#messages.push(message);
    else waiting.resolve(message);
  }

  /** Nothing more will come: once the messages that are here have been taken, `take` rejects. */
  fail(reason: Error): void {
    this.#failure ??= reason;
    this.#waiting?.reject(this.#failure);
    this.#waiting = null;
  }

  take(): Promise<T> {
    const message = this.#messages.shift();
    if (message !== undefined) return Promise.resolve(message);
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }
}
