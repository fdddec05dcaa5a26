export { ObjectStore, type StoredItem } from './store.ts';
