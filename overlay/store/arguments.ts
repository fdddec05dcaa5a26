import { KeyObject } from 'node:crypto';
import { OverlayError } from '../overlay.ts';
import type { Statement } from './signed.ts';

// What callers without types may get wrong. All throw OverlayError `refused`.

const sequenceMax = 2n ** 64n - 1n;

export function checkBytes(value: unknown): void {
  if (!(value instanceof Uint8Array)) throw new OverlayError('refused', 'a value is bytes: a Uint8Array');
}

/** A condition that is misspelt or undefined would be none. */
export function checkOptions(options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) throw new OverlayError('refused', 'options are an object');
  for (const [name, value] of Object.entries(options)) {
    if (!known.includes(name)) {
      throw new OverlayError('refused', `there is no option "${name}"; there are: ${known.join(', ')}`);
    }
    if (value === undefined) throw new OverlayError('refused', `the option "${name}" is undefined: leave it out`);
  }
}

export function checkFlag(name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw new OverlayError('refused', `${name} is true or false`);
}

export function checkFunction(callback: unknown): void {
  if (typeof callback !== 'function') throw new OverlayError('refused', 'a watcher is a function');
}

export function checkSigning(said: Statement, privateKey: unknown): void {
  checkOptions(said, ['value', 'sequence', 'expiresAtMs']);
  const { value, sequence, expiresAtMs } = said;
  if (value !== null) checkBytes(value);
  if (typeof sequence !== 'bigint' || sequence < 0n || sequence > sequenceMax) {
    throw new OverlayError('refused', 'a sequence is a bigint, 0 to 2^64 - 1');
  }
  if (!Number.isFinite(expiresAtMs)) throw new OverlayError('refused', 'expiresAtMs is a number of milliseconds');
  if (!(privateKey instanceof KeyObject && privateKey.type === 'private')) {
    throw new OverlayError('refused', 'a statement is signed by a private key: a KeyObject');
  }
}
