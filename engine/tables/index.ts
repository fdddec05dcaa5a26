export { type FileOptions, openFile } from './file.ts';
export { type HostTablesOptions, hostTables } from './host.ts';
export { iteratorTable, type RowObject, type RowSource } from './iterator.ts';
export { isTableFile, type TableSpec, tableFromSpec } from './spec.ts';
