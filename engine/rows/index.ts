export type { Written } from './keyed-rows.ts';
export { encodeWrite, RowStore, type RowStoreOptions } from './row-store.ts';
export { writableRows } from './writable-rows.ts';
