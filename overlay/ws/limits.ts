/** What a transport will bear; see `wsDefaults`. */
export interface WsLimits {
  /** Bytes queued towards one peer before its link is broken instead of memory filling up. */
  readonly queuedBytesMax: number;
  /** A link that carried nothing either way for so long is closed; the next frame opens it again. */
  readonly idleMs: number;
  /** From dialling, or from being dialled, until both sides have proved who they are. */
  readonly handshakeTimeoutMs: number;
  /** Connections that may be in their handshake at once, each with up to one frame of memory. */
  readonly unauthenticatedMax: number;
}

export const wsDefaults: WsLimits = {
  queuedBytesMax: 64 * 1024 * 1024,
  idleMs: 60_000,
  handshakeTimeoutMs: 5_000,
  unauthenticatedMax: 64,
};

/** Frames queued at once travel together in messages of up to this size; a longer frame travels alone. */
export const messageBytesMax = 64 * 1024;

/** How long a closing handshake may take before the socket is cut. */
export const closeTimeoutMs = 1_000;

/** Codes of WebSocket's closing handshake; 4000 to 4999 are for applications. */
export const closeCodes = {
  shutdown: 1_001,
  lost: 1_006, // never sent: what a socket reports that ended without a closing handshake
  refused: 4_001,
  malformed: 4_002,
  rejected: 4_003,
  replaced: 4_004,
  idle: 4_005,
} as const;
