import type { Address, Transport } from '../../../overlay/index.ts';

/** Is shown every frame sent. */
export type Tap = (frame: Uint8Array, from: Address, to: Address) => void;

/** A transport whose sent frames somebody else sees, too. */
export class TappedTransport implements Transport {
  readonly address: Address;
  readonly #transport: Transport;
  readonly #tap: Tap;

  constructor(transport: Transport, tap: Tap) {
    this.address = transport.address;
    this.#transport = transport;
    this.#tap = tap;
  }

  send(to: Address, frame: Uint8Array): void {
    this.#tap(frame, this.address, to);
    this.#transport.send(to, frame);
  }

  queuedBytes(to: Address): number {
    return this.#transport.queuedBytes(to);
  }

  onFrame(receive: (from: Address, frame: Uint8Array) => void): void {
    this.#transport.onFrame(receive);
  }

  onLinkDown(receive: (peer: Address, reason: string) => void): void {
    this.#transport.onLinkDown(receive);
  }

  reject(peer: Address, reason: string): void {
    this.#transport.reject(peer, reason);
  }

  close(): Promise<void> {
    return this.#transport.close();
  }
}
