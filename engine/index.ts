// One running node: its tables, its part in queries, and the sessions that doors speak.

export { type GeometryName, geometries, replicasMax, SystemRuntime } from '../overlay/index.ts';
export { renderErrorAt, sqlLengthMax } from '../parser/index.ts';
export { listOf } from './list-of.ts';
export { type Log, silentLog } from './log.ts';
export { type NodeOptions, WharfNode } from './node.ts';
export type { Coverage, EpochAnswer, Session, SessionFactory, StatementResult } from './session.ts';
export {
  defaultCluster,
  defaultGeometry,
  defaultListen,
  defaultReplicas,
  RunningNode,
  startNode,
} from './start-node.ts';
export { type StartOptions, storageBytesMin } from './start-options.ts';
export type { ScanRequest, TableSource } from './table.ts';
export * from './tables/index.ts';
