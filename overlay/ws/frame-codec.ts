import { frameBytesMax } from '../runtime.ts';
import { messageBytesMax } from './limits.ts';

/** Each frame in a message is preceded by its length: 32 bits, little-endian. */
const headerBytes = 4;

/** The longest message there is: one frame of the greatest length. */
export const wsPayloadBytesMax = headerBytes + frameBytesMax;

const batchBytesMin = 1_024;

/**
 * Frames on their way out, copied into as few messages as they fit in. Small frames share messages of up to
 * `messageBytesMax`; a frame that would not fit in one travels alone.
 */
export class Outbox {
  #messages: Uint8Array[] = [];
  #batch: Buffer | null = null;
  #batchUsed = 0;
  /** What the next batch will probably need: what the last one did. */
  #batchBytes = batchBytesMin;
  #bytes = 0;

  /** Bytes that `take` would give. */
  get bytes(): number {
    return this.#bytes;
  }

  add(frame: Uint8Array): void {
    const needed = headerBytes + frame.length;
    if (this.#batchUsed + needed > messageBytesMax) this.#seal();
    const batch = this.#roomFor(needed);
    batch.writeUInt32LE(frame.length, this.#batchUsed);
    batch.set(frame, this.#batchUsed + headerBytes);
    this.#batchUsed += needed;
    this.#bytes += needed;
  }

  /** Queues messages that another outbox gave. */
  addMessages(messages: readonly Uint8Array[]): void {
    this.#seal();
    for (const message of messages) {
      this.#messages.push(message);
      this.#bytes += message.length;
    }
  }

  /** The messages to write, in order; the outbox is empty afterwards. */
  take(): readonly Uint8Array[] {
    this.#seal();
    const messages = this.#messages;
    this.#messages = [];
    this.#bytes = 0;
    return messages;
  }

  #roomFor(needed: number): Buffer {
    const used = this.#batchUsed;
    const batch = this.#batch;
    if (batch && used + needed <= batch.length) return batch;
    // Doubling, so that one small frame costs little memory and many frames are copied about once more.
    const spacious = Math.min(Math.max(2 * used, this.#batchBytes), messageBytesMax);
    // From Node's pool when it is small: memory of its own would cost more than all else that is done to the frame.
    const larger = Buffer.allocUnsafe(Math.max(used + needed, spacious));
    batch?.copy(larger, 0, 0, used);
    this.#batch = larger;
    return larger;
  }

  #seal(): void {
    if (!this.#batch) return;
    this.#messages.push(this.#batch.subarray(0, this.#batchUsed));
    this.#batchBytes = Math.max(batchBytesMin, this.#batchUsed);
    this.#batch = null;
    this.#batchUsed = 0;
  }
}

/**
 * The frames of one message, as views into it; null if it is no whole number of frames.
 */
export function splitFrames(message: Uint8Array): readonly Uint8Array[] | null {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const frames: Uint8Array[] = [];
  let offset = 0;
  while (offset + headerBytes <= message.length) {
    const end = offset + headerBytes + view.getUint32(offset, true);
    if (end > message.length) return null;
    // Not message.subarray: of a Buffer that would be a Buffer again, whose slice() does not copy.
    frames.push(new Uint8Array(message.buffer, message.byteOffset + offset + headerBytes, end - offset - headerBytes));
    offset = end;
  }
  return offset === message.length && frames.length > 0 ? frames : null;
}
