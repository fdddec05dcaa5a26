/** Where a node tells its operator what happens. The command line gives pino, tests give silence. */
export interface Log {
  info(event: string, detail?: object): void;
  warn(event: string, detail?: object): void;
  error(event: string, detail?: object): void;
}

export const silentLog: Log = { info() {}, warn() {}, error() {} };
