import { decode } from '../../../overlay/codec.ts';
import { controlApp, controlRequest } from '../../../overlay/control.ts';
import type { Address } from '../../../overlay/index.ts';
import { decodeFrame, type Header } from '../../../overlay/messages.ts';

/** Only what a frame carries matters here. */
const anybody: Header = { sender: '', incarnation: 0, isMember: true, target: null };

/**
 * Bytes of frames sent, by what they are for, while it is told to count: pings, gossip, each question of membership
 * together with its answers (`join`, `compare`, `reach`, …), and `other`. Those that nobody received count, too.
 */
export class Traffic {
  isCounting = false;
  readonly #bytes = new Map<string, number>();
  /** What questions were about, by who asked and their number. */
  readonly #questions = new Map<string, string>();

  /** For `FleetOptions.tap`. */
  see(frame: Uint8Array, from: Address, to: Address): void {
    if (!this.isCounting) return;
    const purpose = this.#purposeOf(frame, from, to);
    this.#bytes.set(purpose, (this.#bytes.get(purpose) ?? 0) + frame.length);
  }

  /** Bytes by purpose, most first. */
  bytes(): ReadonlyMap<string, number> {
    return new Map([...this.#bytes].sort(([, a], [, b]) => b - a));
  }

  #purposeOf(frame: Uint8Array, from: Address, to: Address): string {
    // A brief header says nothing that is needed here.
    const message = decodeFrame(frame, () => anybody)?.message;
    switch (message?.type) {
      case 'ping':
      case 'pong':
        return 'ping';
      case 'gossip':
      case 'gossipAck':
        return 'gossip';
      case 'request': {
        const about = message.app === controlApp ? decode(controlRequest, message.payload).type : 'other';
        this.#questions.set(`${from} ${message.request}`, about);
        return about;
      }
      case 'reply':
        return this.#questions.get(`${to} ${message.request}`) ?? 'other';
      default:
        return 'other';
    }
  }
}
