import type { Address, Transport } from '../../../overlay/index.ts';

/** A transport whose sent frames somebody else sees, too. */
export class TappedTransport implements Transport {
  readonly address: Address;
  readonly #transport: Transport;
  readonly #tap: (frame: Uint8Array) => void;

  constructor(transport: Transport, tap: (frame: Uint8Array) => void) {
    this.address = transport.address;
    this.#transport = transport;
    this.#tap = tap;
  }

  send(to: Address, frame: Uint8Array): void {
    this.#tap(frame);
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
