export { type ConnectOptions, connect } from './client/connect.ts';
export { ClientDoor } from './client/door.ts';
export { clientPath } from './client/protocol.ts';
export { RemoteNode } from './client/remote-node.ts';
export { describeCoverage, nodesConcerned } from './coverage.ts';
export { markedRows, markedSchema } from './epochs.ts';
export { isLoopback } from './pg/auth.ts';
export { PgDoor } from './pg/door.ts';
