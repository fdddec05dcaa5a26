export type { Written } from './keyed-rows.ts';
export { encodeWrite, RowStore, type RowStoreOptions, rowStoreDefaults } from './row-store.ts';
