import { keyAt } from '../keys.ts';
import { type ItemRecord, versionOf } from '../store/messages.ts';

/** An item as good as any, for tests to vary. */
export const someRecord: ItemRecord = {
  namespace: 'n',
  resourceId: 'r',
  instanceId: 'i',
  value: Uint8Array.of(1),
  version: versionOf(1n),
  earlier: [],
  guard: null,
  shown: null,
  writtenAtMs: 1,
  writer: keyAt(1n),
  lifetimeLeftMs: 1_000,
  endsAtMs: 5_000,
};
