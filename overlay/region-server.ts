import { encode } from './codec.ts';
import type { Comparison } from './comparison.ts';
import { type ExportOptions, Exports, type Kinds } from './exports.ts';
import { type Contact, OverlayError } from './overlay.ts';
import { told } from './region-reader.ts';
import { compareReply, nextReply, openReply, type ReplicationRequest } from './replication-messages.ts';
import type { Runtime } from './runtime.ts';
import type { Serving } from './serving.ts';

type Request<T extends ReplicationRequest['type']> = Extract<ReplicationRequest, { type: T }>;

/** Lets other members read this node's copies: the other end of `RegionReader`. */
export class RegionServer {
  readonly #runtime: Runtime;
  readonly #kinds: Kinds;
  readonly #serving: Serving;
  readonly #comparison: Comparison;
  readonly #exports: Exports;

  constructor(runtime: Runtime, options: ExportOptions, kinds: Kinds, serving: Serving, comparison: Comparison) {
    this.#runtime = runtime;
    this.#kinds = kinds;
    this.#serving = serving;
    this.#comparison = comparison;
    this.#exports = new Exports(options);
  }

  /** @throws CodecError, OverlayError `refused` */
  answer(from: Contact, request: Request<'compare' | 'open' | 'next'>): Uint8Array {
    switch (request.type) {
      case 'compare':
        return this.#compare(request);
      case 'open':
        return this.#open(from, request);
      case 'next':
        return this.#next(from, request);
    }
  }

  #compare(request: Request<'compare'>): Uint8Array {
    const nowMs = this.#runtime.now();
    const available = told(this.#serving.readable(request.regions, request.anything, nowMs), nowMs);
    const reply = { ...this.#comparison.answer(request), ...available };
    return encode(compareReply, reply, 32 * reply.digests.length + 128);
  }

  #open(from: Contact, { regions, anything }: Request<'open'>): Uint8Array {
    const nowMs = this.#runtime.now();
    const reading = this.#serving.readable(regions, anything, nowMs);
    const isAll = regions.every((region) => reading.available.covers(region));
    // Also where there are no items: tombstones end those of the reader.
    const number = isAll || anything ? this.#exports.open(from.id, this.#kinds, regions, nowMs) : 0;
    return encode(openReply, { ...told(reading, nowMs), export: number });
  }

  #next(from: Contact, request: Request<'next'>): Uint8Array {
    const part = this.#exports.next(from.id, request.export, request.index, this.#runtime.now());
    if (part === undefined) throw new OverlayError('refused', 'that export is not open any more');
    return encode(nextReply, part, part ? part.chunk.length + 16 : 16);
  }
}
