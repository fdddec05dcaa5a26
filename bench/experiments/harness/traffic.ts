import { advertCodec } from '../../../overlay/advert.ts';
import { contact, decode, encode } from '../../../overlay/codec.ts';
import { controlApp, controlRequest } from '../../../overlay/control.ts';
import type { Address } from '../../../overlay/index.ts';
import {
  decodeFrame,
  encodeBriefFrame,
  type Header,
  isBrief,
  type Message,
  type PingMessage,
} from '../../../overlay/messages.ts';

/** Only what a frame carries matters here. */
const anybody: Header = { sender: '', incarnation: 0, isMember: true, target: null };

/**
 * Bytes of frames sent, by what they are for, while it is told to count: gossip, each question of membership together
 * with its answers (`join`, `compare`, `reach`, …), `other`, and pings, divided into `advert` (what they tell of copies),
 * `view` (members they name, since views differ) and `ping` (that both live, and all the rest). `introduction` is what
 * full headers of any of them are longer than brief ones. What nobody received counts, too.
 */
export class Traffic {
  isCounting = false;
  readonly #bytes = new Map<string, number>();
  /** What questions were about, by who asked and their number. */
  readonly #questions = new Map<string, string>();

  /** For `FleetOptions.tap`. */
  see(frame: Uint8Array, from: Address, to: Address): void {
    if (!this.isCounting) return;
    // A brief header says nothing that is needed here.
    const message = decodeFrame(frame, () => anybody)?.message;
    let left = frame.length;
    const count = (purpose: string, bytes: number): void => {
      if (bytes > 0) this.#bytes.set(purpose, (this.#bytes.get(purpose) ?? 0) + bytes);
      left -= bytes;
    };
    if (message && message.type !== 'data' && !isBrief(frame)) {
      count('introduction', frame.length - encodeBriefFrame(0, message).length);
    }
    if (message?.type === 'ping' || message?.type === 'pong') {
      count('advert', advertBytes(message));
      count('view', viewBytes(message));
    }
    count(this.#purposeOf(message, from, to), left);
  }

  /** Bytes by purpose, most first. */
  bytes(): ReadonlyMap<string, number> {
    return new Map([...this.#bytes].sort(([, a], [, b]) => b - a));
  }

  #purposeOf(message: Message | undefined, from: Address, to: Address): string {
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

const versionBytes = 2;
const countBytes = 2;

function advertBytes({ advert }: PingMessage): number {
  return advert ? versionBytes + encode(advertCodec, advert.advert).length : 0;
}

function viewBytes({ contacts }: PingMessage): number {
  return contacts.length === 0 ? 0 : contacts.reduce((sum, one) => sum + encode(contact, one).length, countBytes);
}
