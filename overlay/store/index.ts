export { guardOf } from './authenticity.ts';
export { Blobs } from './blobs.ts';
export { absent, type Guard, type Version } from './messages.ts';
export { publicKeyOf, type Statement } from './signed.ts';
export { ObjectStore, type Page, type PageOptions, type PutOptions, type WriteConditions } from './store.ts';
export type { StoredItem } from './stored-item.ts';
