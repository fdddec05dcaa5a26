import { type DestinationStream, pino, stdSerializers } from 'pino';
import type { Log } from '../engine/index.ts';

/** A node's log on stderr: one readable line an event on a terminal, JSON otherwise. */
export function createLog(stderr: NodeJS.WriteStream): Log {
  const destination: DestinationStream = stderr.isTTY
    ? { write: (line) => stderr.write(readable(line)) }
    : { write: (line) => stderr.write(line) };
  const logger = pino({ base: null, serializers: { error: stdSerializers.err } }, destination);
  return {
    info: (event, detail = {}) => logger.info(detail, event),
    warn: (event, detail = {}) => logger.warn(detail, event),
    error: (event, detail = {}) => logger.error(detail, event),
  };
}

const levels: Readonly<Record<number, string>> = { 30: 'info ', 40: 'WARN ', 50: 'ERROR' };

/** `12:00:01 WARN  a client was refused  reason="…"` from one of pino's lines. */
function readable(line: string): string {
  const { level, time, msg, ...detail } = JSON.parse(line) as { level: number; time: number; msg: string };
  const pairs = Object.entries(detail).map(([key, value]) => `  ${key}=${JSON.stringify(value)}`);
  return `${new Date(time).toTimeString().slice(0, 8)} ${levels[level] ?? ''} ${msg}${pairs.join('')}\n`;
}
