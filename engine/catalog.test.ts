import { expect, test } from 'vitest';
import { types } from '../columnar/index.ts';
import { type ObjectStore, type Overlay, SystemRuntime, wholeRing } from '../overlay/index.ts';
import type { TableDefinition } from '../planner/index.ts';
import { Catalog } from './catalog.ts';
import { encodeEntry } from './catalog-entry.ts';

const table: TableDefinition = {
  name: 'sound',
  source: 'distributed',
  schema: { fields: [{ name: 'n', type: types.int4 }] },
  distributed: {
    namespace: 'sound#1',
    primaryKey: [],
    partitionBy: [0],
    notNull: [],
    lifetimeMs: null,
    replicas: null,
    createdAtMs: 0,
  },
};

test('an entry that cannot be read hides no other table, and is told once', () => {
  const items = [
    { resourceId: 'broken', value: Uint8Array.of(1, 2) },
    { resourceId: 'sound', value: encodeEntry({ table, node: 'h:1' }) },
  ];
  const told: string[] = [];
  const catalog = new Catalog({
    overlay: { register: () => {}, region: () => wholeRing } as unknown as Overlay,
    store: { scan: () => items } as unknown as ObjectStore,
    runtime: new SystemRuntime(),
    log: { info: () => {}, warn: (event) => void told.push(event), error: () => {} },
    local: [],
    dropped: () => {},
  });
  for (let i = 0; i < 3; i += 1) expect(catalog.distributedHere()).toEqual([table]);
  expect(told).toEqual(['malformed catalog entry']);
});
