import type { Log as OverlayLog } from '../overlay/index.ts';

/** Where a node tells its operator what happens. The command line gives pino, tests give silence. */
export interface Log {
  info(event: string, detail?: object): void;
  warn(event: string, detail?: object): void;
  error(event: string, detail?: object): void;
}

export const silentLog: Log = { info() {}, warn() {}, error() {} };

/** The same for the overlay, whose chatter below `info` nobody asked for. */
export function overlayLog(log: Log): OverlayLog {
  return (level, message, fields) => {
    if (level !== 'debug') log[level](message, fields);
  };
}
