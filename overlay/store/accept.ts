import { type Key, OverlayError } from '../overlay.ts';
import { flawOf, guardOf, isImmutable, isSigned } from './authenticity.ts';
import { type Item, isLive, itemOf, recordOf } from './items.ts';
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
 * @throws OverlayError `refused`; `conflict` when the item is not at the version that the write expects, is not there
 *   to be renewed, or when its signer has said something since
 */
export function recordAfter(
  write: StoreWrite,
  old: Item | undefined,
  { writer, nowMs }: Acceptance,
  limits: AcceptLimits,
): ItemRecord {
  const here = old && old.expiresAtMs > nowMs ? old : undefined;
  const live = here && isLive(here, nowMs) ? here : undefined;
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
    if (!live) throw new OverlayError('conflict', 'there is no such item to renew');
    if (live.signed) throw new OverlayError('refused', 'a signed item lives until it expires: sign it anew');
    checkLifetime(write.lifetimeMs, limits);
    return { ...recordOf(live, nowMs), ...left, ...lasting(lifetimeAfter(write.lifetimeMs, live, nowMs), nowMs) };
  }
  if (old && remembers(old, write.version)) return recordOf(old, nowMs);
  checkExpected(write.expected, live);
  const next = {
    ...left,
    version: write.version,
    earlier: old ? [old.version, ...old.earlier].slice(0, earlierMax) : [],
    ...guardAfter(write, here),
  };
  if (write.type === 'remove') {
    const lifetimeLeftMs = live ? live.expiresAtMs - nowMs + limits.tombstoneExtraMs : 0;
    return checked({ ...next, value: null, ...lasting(lifetimeLeftMs, nowMs) });
  }
  const { value, lifetimeMs } = write;
  checkLifetime(lifetimeMs, limits);
  checkSize(value.length, limits);
  const isPermanent = live !== undefined && isImmutable(live);
  const lifetimeLeftMs = isPermanent ? lifetimeAfter(lifetimeMs, live, nowMs) : lifetimeMs;
  const record = checked({ ...next, value, ...lasting(lifetimeLeftMs, nowMs) });
  if (isSigned(record)) checkStatement(itemOf(record, nowMs), here, nowMs);
  return record;
}

function lasting(lifetimeLeftMs: number, nowMs: number): Pick<ItemRecord, 'endsAtMs' | 'lifetimeLeftMs'> {
  return { endsAtMs: nowMs + lifetimeLeftMs, lifetimeLeftMs };
}

/** @throws OverlayError `refused` */
export function checkSize(bytes: number, { valueBytesMax }: Pick<AcceptLimits, 'valueBytesMax'>): void {
  if (bytes > valueBytesMax) throw new OverlayError('refused', `a value of ${bytes} bytes exceeds ${valueBytesMax}`);
}

/** @throws OverlayError `refused` */
export function checkLifetime(lifetimeMs: number, { lifetimeMaxMs }: Pick<AcceptLimits, 'lifetimeMaxMs'>): void {
  if (typeof lifetimeMs !== 'number' || !(lifetimeMs > 0)) {
    throw new OverlayError('refused', `a lifetime is a number of milliseconds above 0, not ${String(lifetimeMs)}`);
  }
  if (lifetimeMs > lifetimeMaxMs) {
    throw new OverlayError('refused', `a lifetime of ${lifetimeMs} ms exceeds ${lifetimeMaxMs}`);
  }
}

/** Nobody may shorten the life of what is not his to remove. */
function lifetimeAfter(lifetimeMs: number, live: Item, nowMs: number): number {
  const isProtected = live.guard !== null || isImmutable(live);
  return isProtected ? Math.max(lifetimeMs, live.expiresAtMs - nowMs) : lifetimeMs;
}

function checkExpected(expected: Version | null, live: Item | undefined): void {
  const version = live?.version ?? absent;
  if (expected === null || expected === version) return;
  throw new OverlayError('conflict', version === absent ? 'there is no such item' : `the item is at ${version}`);
}

/** Whether the item has had this version. */
export function remembers({ version, earlier }: Item, write: Version): boolean {
  return version === write || earlier.includes(write);
}

/** A guard stays until the item's tombstone is gone, so that any copy, however old, can tell who may follow. */
function guardAfter(
  write: Extract<StoreWrite, { secret: unknown }>,
  here: Item | undefined,
): Pick<ItemRecord, 'guard' | 'shown'> {
  const guard = write.type === 'put' ? write.guard : null;
  if (!here || here.guard === null) return { guard, shown: null };
  if (write.secret === null || guardOf(write.secret) !== here.guard) {
    throw new OverlayError('refused', 'the item is guarded by a secret, which was not shown');
  }
  if (guard !== null && guard !== here.guard) {
    throw new OverlayError('refused', 'the guard of an item stays as long as it lives');
  }
  return { guard: here.guard, shown: write.secret };
}

function checked(record: ItemRecord): ItemRecord {
  const flaw = flawOf(record);
  if (flaw !== null) throw new OverlayError('refused', flaw);
  return record;
}

function checkStatement({ signed, expiresAtMs }: Item, here: Item | undefined, nowMs: number): void {
  if (expiresAtMs <= nowMs) throw new OverlayError('refused', 'what was signed has expired');
  if (!signed || !here?.signed || signed.sequence > here.signed.sequence) return;
  throw new OverlayError('conflict', `sequence ${here.signed.sequence} was signed already`);
}
