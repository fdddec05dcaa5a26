import { type Key, OverlayError } from '../overlay.ts';
import { type Item, isLive, recordOf } from './items.ts';
import { absent, earlierMax, type ItemRecord, type StoreWrite, type Version } from './messages.ts';

export interface AcceptLimits {
  readonly valueBytesMax: number;
  readonly lifetimeMaxMs: number;
  /** How much longer than what it removed a tombstone lives. */
  readonly tombstoneExtraMs: number;
}

/** The owner that takes the write, and its clock. */
export interface Acceptance {
  readonly writer: Key;
  readonly nowMs: number;
}

/**
 * What a write makes of an item, at its owner. Pure.
 *
 * A put or remove that was accepted before, here or at another owner, changes nothing, even if others followed it:
 * the item remembers it. After more than `earlierMax` others it would be taken for a new one.
 * @param old what is there: live, expired or a tombstone
 * @throws OverlayError `refused`; `conflict` when the item is not at the version that the write expects
 */
export function recordAfter(
  write: StoreWrite,
  old: Item | undefined,
  { writer, nowMs }: Acceptance,
  limits: AcceptLimits,
): ItemRecord {
  const live = old && isLive(old, nowMs) ? old : undefined;
  const { namespace, resourceId, instanceId } = write;
  const left = {
    namespace,
    resourceId,
    instanceId,
    // Later than what it replaces, although that may have been written by a clock that is ahead.
    writtenAtMs: Math.max(nowMs, (old?.writtenAtMs ?? 0) + 1),
    writer,
  };
  if (write.type === 'renew') {
    if (!live) throw new OverlayError('refused', 'there is no such item to renew');
    checkLifetime(write.lifetimeMs, limits);
    return { ...recordOf(live, nowMs), ...left, lifetimeLeftMs: write.lifetimeMs };
  }
  if (old && remembers(old, write.version)) return recordOf(old, nowMs);
  checkExpected(write.expected, live);
  const versions = { version: write.version, earlier: old ? [old.version, ...old.earlier].slice(0, earlierMax) : [] };
  if (write.type === 'remove') {
    const lifetimeLeftMs = live ? live.expiresAtMs - nowMs + limits.tombstoneExtraMs : 0;
    return { ...left, ...versions, value: null, lifetimeLeftMs };
  }
  checkLifetime(write.lifetimeMs, limits);
  checkSize(write.value.length, limits);
  return { ...left, ...versions, value: write.value, lifetimeLeftMs: write.lifetimeMs };
}

/** @throws OverlayError `refused` */
export function checkSize(bytes: number, { valueBytesMax }: Pick<AcceptLimits, 'valueBytesMax'>): void {
  if (bytes > valueBytesMax) throw new OverlayError('refused', `a value of ${bytes} bytes exceeds ${valueBytesMax}`);
}

function checkLifetime(lifetimeMs: number, { lifetimeMaxMs }: AcceptLimits): void {
  if (lifetimeMs > lifetimeMaxMs) {
    throw new OverlayError('refused', `a lifetime of ${lifetimeMs} ms exceeds ${lifetimeMaxMs}`);
  }
}

function checkExpected(expected: Version | null, live: Item | undefined): void {
  const version = live?.version ?? absent;
  if (expected === null || expected === version) return;
  throw new OverlayError('conflict', version === absent ? 'there is no such item' : `the item is at ${version}`);
}

function remembers({ version, earlier }: Item, write: Version): boolean {
  return version === write || earlier.includes(write);
}
