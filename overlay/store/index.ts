export { absent, type Version } from './messages.ts';
export { type Expectation, ObjectStore, type StoredItem } from './store.ts';
