import { encode } from '../codec.ts';
import { writesApp } from '../control.ts';
import type { OverlayNode } from '../node.ts';
import { OverlayError } from '../overlay.ts';
import { ReplicatedWrites, type WritableStore, type WriteOptions } from '../replicated-writes.ts';
import { checkLifetime, checkSize } from './accept.ts';
import { checkBytes } from './arguments.ts';
import { checkSecret } from './authenticity.ts';
import { resourceKey } from './items.ts';
import {
  isGuard,
  isVersion,
  nameFlaw,
  recordBytes,
  type StoreWrite,
  storeWrite,
  type Version,
  versionOf,
} from './messages.ts';

/** A node's way to write items, wherever they are kept. What nobody would take does not leave the node. */
export class Writer {
  readonly #node: OverlayNode;
  readonly #writes: ReplicatedWrites;

  /** @param copies this node's own, by which it takes part in the writes of all */
  constructor(node: OverlayNode, copies: WritableStore) {
    this.#node = node;
    this.#writes = new ReplicatedWrites(node, writesApp, copies);
  }

  /** Resolves when all copies have it. @throws OverlayError `refused`, `full`, `conflict`, `timeout` */
  async write(write: StoreWrite, options: WriteOptions = {}): Promise<void> {
    const flaw = nameFlaw(write);
    if (flaw !== null) throw new OverlayError('refused', flaw);
    if (write.type !== 'remove') checkLifetime(write.lifetimeMs, this.#node.options);
    if (write.type === 'put') {
      checkBytes(write.value);
      checkSize(write.value.length, this.#node.options);
    }
    if (write.type !== 'renew') checkConditions(write);
    const key = resourceKey(write.namespace, write.resourceId);
    const bytes = recordBytes + ('value' in write ? write.value.length : 0);
    await this.#writes.write([{ first: key, last: key, chunk: encode(storeWrite, write, bytes) }], options);
  }

  /** For a put or a remove: no other has it. */
  newVersion(): Version {
    const half = (): bigint => BigInt(Math.floor(this.#node.runtime.random() * 2 ** 32));
    return versionOf((half() << 32n) | half() | 1n);
  }
}

/** @throws OverlayError `refused` */
function checkConditions(write: Exclude<StoreWrite, { type: 'renew' }>): void {
  const { expected, secret } = write;
  if (expected !== null && !isVersion(expected)) {
    throw new OverlayError('refused', `"${expected}" is no version of an item`);
  }
  if (write.type === 'put' && write.guard !== null && !isGuard(write.guard)) {
    throw new OverlayError('refused', 'a guard is the SHA-256 of a secret: 64 hexadecimal digits');
  }
  if (secret !== null) checkSecret(secret);
}
