import { bytes, type Codec, CodecError, decode, encode, struct, text, u32 } from '../codec.ts';
import type { OverlayNode } from '../node.ts';
import { OverlayError } from '../overlay.ts';
import { checkBytes } from './arguments.ts';
import { hashOfImmutable, immutableOfHash } from './authenticity.ts';
import type { Version } from './messages.ts';
import type { ObjectStore, PutOptions } from './store.ts';

/** What is kept in place of a large value. */
interface Manifest {
  readonly purpose: string;
  readonly bytes: number;
  /** All chunks are of this size, but for the last. */
  readonly chunkBytes: number;
  /** Their SHA-256, one after the other. */
  readonly hashes: Uint8Array;
}

const purpose = 'wharf-blob-1';
const hashBytes = 32;
const chunksMax = 16_384;

export const manifestCodec: Codec<Manifest> = struct<Manifest>({
  purpose: text(purpose.length),
  bytes: u32,
  chunkBytes: u32,
  hashes: bytes(chunksMax * hashBytes),
});

interface Chunk {
  readonly resourceId: string;
  readonly offset: number;
  readonly bytes: number;
}

/**
 * Values too large for one item: chunks, each an immutable item somewhere in the ring, and a manifest that names them
 * as the item itself, whose guard, version and lifetime are those of the whole. Whoever reads verifies every chunk.
 */
export class Blobs {
  readonly #node: OverlayNode;
  readonly #store: ObjectStore;

  constructor(node: OverlayNode, store: ObjectStore) {
    this.#node = node;
    this.#store = store;
  }

  /**
   * Stores the chunks and then the manifest, so the item is whole or not there. What a failed put leaves behind expires.
   * @param value up to `blobBytesMax`
   * @throws OverlayError like `ObjectStore.put`; its text says how many chunks were stored
   */
  async put(
    namespace: string,
    resourceId: string,
    instanceId: string,
    value: Uint8Array,
    lifetimeMs: number,
    options: Omit<PutOptions, 'isSoft'> = {},
  ): Promise<Version> {
    const { blobBytesMax, blobChunkBytes } = this.#node.options;
    checkBytes(value);
    if (value.length > blobBytesMax) {
      throw new OverlayError('refused', `a value of ${value.length} bytes exceeds ${blobBytesMax}`);
    }
    const offsets = Array.from({ length: Math.ceil(value.length / blobChunkBytes) }, (_, i) => i * blobChunkBytes);
    const names = await this.#forEach(offsets, 'stored', async (offset) => {
      const chunk = value.subarray(offset, offset + blobChunkBytes);
      return this.#store.putImmutable(namespace, chunk, this.#chunkLifetimeMs(lifetimeMs));
    });
    const hashes = Buffer.concat(names.map((name) => Buffer.from(hashOfImmutable(name), 'hex')));
    const manifest = { purpose, bytes: value.length, chunkBytes: blobChunkBytes, hashes };
    return this.#store.put(namespace, resourceId, instanceId, encode(manifestCodec, manifest), lifetimeMs, options);
  }

  /**
   * The whole value; null when there is no such item.
   * @throws OverlayError like `ObjectStore.get`; `unreachable` when chunks are missing; `refused` when the item is no
   *   manifest
   */
  async get(namespace: string, resourceId: string, instanceId: string): Promise<Uint8Array | null> {
    const manifest = await this.#manifest(namespace, resourceId, instanceId);
    if (!manifest) return null;
    const value = new Uint8Array(manifest.bytes);
    await this.#forEach(chunksOf(manifest), 'read', async (chunk) => {
      const found = await this.#store.getImmutable(namespace, chunk.resourceId);
      if (found?.length !== chunk.bytes) throw new OverlayError('unreachable', `there is no ${chunk.resourceId}`);
      value.set(found, chunk.offset);
    });
    return value;
  }

  /**
   * Prolongs the life of all chunks, then of the item; false when there is no such item.
   * @throws OverlayError like `ObjectStore.renew`; `unreachable` when chunks are missing
   */
  async renew(namespace: string, resourceId: string, instanceId: string, lifetimeMs: number): Promise<boolean> {
    const manifest = await this.#manifest(namespace, resourceId, instanceId);
    if (!manifest) return false;
    await this.#forEach(chunksOf(manifest), 'renewed', async ({ resourceId: chunk }) => {
      const isThere = await this.#store.renew(namespace, chunk, '', this.#chunkLifetimeMs(lifetimeMs));
      if (!isThere) throw new OverlayError('unreachable', `there is no ${chunk}`);
    });
    return this.#store.renew(namespace, resourceId, instanceId, lifetimeMs);
  }

  /** Chunks outlive the manifest that names them. */
  #chunkLifetimeMs(lifetimeMs: number): number {
    const { blobExtraMs, lifetimeMaxMs } = this.#node.options;
    return Math.max(lifetimeMs, Math.min(lifetimeMs + blobExtraMs, lifetimeMaxMs));
  }

  async #manifest(namespace: string, resourceId: string, instanceId: string): Promise<Manifest | null> {
    const item = await this.#store.getInstance(namespace, resourceId, instanceId);
    if (!item) return null;
    const { blobBytesMax } = this.#node.options;
    try {
      const manifest = decode(manifestCodec, item.value);
      const chunks = Math.ceil(manifest.bytes / Math.max(1, manifest.chunkBytes));
      const isSound = manifest.purpose === purpose && manifest.hashes.length === chunks * hashBytes;
      if (isSound && manifest.bytes <= blobBytesMax) return manifest;
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
    }
    throw new OverlayError('refused', 'the item is not a large value');
  }

  /** Some at a time. Once one has failed no other is begun. @throws OverlayError saying how far it came */
  async #forEach<T, R>(all: readonly T[], done: string, work: (one: T) => Promise<R>): Promise<R[]> {
    const results: R[] = [];
    let next = 0;
    let finished = 0;
    let failure: OverlayError | null = null;
    const worker = async (): Promise<void> => {
      while (next < all.length && !failure) {
        const i = next++;
        try {
          results[i] = await work(all[i] as T);
          finished += 1;
        } catch (error) {
          if (!(error instanceof OverlayError)) throw error;
          failure ??= error;
        }
      }
    };
    await Promise.all(Array.from({ length: this.#node.options.blobWindow }, worker));
    // Assigned in the workers, which the compiler does not see.
    const first = failure as OverlayError | null;
    if (first === null) return results;
    const message = `only ${finished} of ${all.length} chunks were ${done}: ${first.message}`;
    throw new OverlayError(first.code, message, { cause: first });
  }
}

function chunksOf({ bytes: total, chunkBytes, hashes }: Manifest): Chunk[] {
  return Array.from({ length: hashes.length / hashBytes }, (_, i) => {
    const offset = i * chunkBytes;
    const hash = Buffer.from(hashes.subarray(i * hashBytes, (i + 1) * hashBytes)).toString('hex');
    return { resourceId: immutableOfHash(hash), offset, bytes: Math.min(chunkBytes, total - offset) };
  });
}
