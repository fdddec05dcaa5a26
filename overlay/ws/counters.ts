/** What a transport has done since its start; for metrics. */
export interface WsCounters {
  readonly framesSent: number;
  readonly framesReceived: number;
  /** WebSocket messages: frames that travelled together count once. */
  readonly messagesSent: number;
  readonly messagesReceived: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly linksOpened: number;
  /** Links that broke, or could not be opened. */
  readonly linksDown: number;
  /** Links closed because they carried nothing. */
  readonly linksIdle: number;
  /** Handshakes that failed, at either side. */
  readonly refusals: number;
  /** Connections and links closed for bytes that mean nothing. */
  readonly malformed: number;
  /** Links closed by `reject`. */
  readonly rejections: number;
  /** Links broken because too much was queued. */
  readonly overloads: number;
}

export type Counters = { -readonly [Name in keyof WsCounters]: number };

export function newCounters(): Counters {
  return {
    framesSent: 0,
    framesReceived: 0,
    messagesSent: 0,
    messagesReceived: 0,
    bytesSent: 0,
    bytesReceived: 0,
    linksOpened: 0,
    linksDown: 0,
    linksIdle: 0,
    refusals: 0,
    malformed: 0,
    rejections: 0,
    overloads: 0,
  };
}
