export { guardOf } from './authenticity.ts';
export { Blobs } from './blobs.ts';
export { absent, type Guard, type Version } from './messages.ts';
export type { Page, PageOptions } from './pages.ts';
export { publicKeyOf, type Statement } from './signed.ts';
export { ObjectStore, type PutOptions, type RenewOptions, type WriteConditions } from './store.ts';
export type { StoredItem } from './stored-item.ts';
