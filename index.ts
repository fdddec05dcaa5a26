// What programs import from 'wharf-sql': run a node in one's own process, or talk to one elsewhere.

export {
  type Batch,
  batchFromRows,
  batchToRows,
  formatValue,
  QueryError,
  type Schema,
  type SqlType,
  type SqlValue,
  types,
} from './columnar/index.ts';
export {
  type Coverage,
  type EpochAnswer,
  hostTables,
  iteratorTable,
  openFile,
  type RunningNode,
  type Session,
  type StartOptions,
  type StatementResult,
  SystemRuntime,
  startNode,
  type TableSource,
} from './engine/index.ts';
export { type ConnectOptions, connect, RemoteNode } from './gateway/index.ts';
export {
  absent,
  type Blobs,
  guardOf,
  type ObjectStore,
  OverlayError,
  type Page,
  publicKeyOf,
  type StoredItem,
} from './overlay/index.ts';
