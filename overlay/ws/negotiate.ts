import type { RawData, WebSocket } from 'ws';
import type { Address } from '../runtime.ts';
import type { Handshake, Hello } from './handshake.ts';
import { closeCodes, closeTimeoutMs } from './limits.ts';

export type Negotiated =
  | { readonly kind: 'proved'; readonly peer: Hello }
  | { readonly kind: 'yielded' }
  | { readonly kind: 'renamed'; readonly address: Address }
  /** The peer closed without a word. */
  | { readonly kind: 'closed' }
  /** `reason` begins with who failed: `refused: …`, `timed out: …`, `unreachable: …`. */
  | { readonly kind: 'failed'; readonly reason: string };

/**
 * Carries the handshake over a socket that is open or opening, and calls `onEnd` once. A socket whose negotiation
 * failed is closed here; one that was proved is the caller's. Returns the way to give up, after which `onEnd` is not
 * called.
 */
export function negotiate(
  socket: WebSocket,
  handshake: Handshake,
  timeoutMs: number,
  onEnd: (outcome: Negotiated) => void,
): () => void {
  const detach = () => {
    clearTimeout(timer);
    socket.off('message', onMessage).off('error', onError).off('close', onClose);
    // A socket without a listener for errors would throw them.
    socket.on('error', () => {});
  };
  const end = (outcome: Negotiated, tellPeer?: Uint8Array) => {
    detach();
    if (tellPeer) socket.send(tellPeer);
    if (outcome.kind !== 'proved') closeSocket(socket, closeCodes.refused, '');
    onEnd(outcome);
  };
  const fail = (reason: string, tellPeer?: Uint8Array) => end({ kind: 'failed', reason }, tellPeer);
  const onMessage = (data: RawData, isBinary: boolean) => {
    if (!isBinary) {
      fail('refused: malformed handshake: text');
      return;
    }
    const step = handshake.receive(data as Buffer);
    switch (step.kind) {
      case 'send':
        socket.send(step.message);
        break;
      case 'proved':
        end(step);
        break;
      case 'refuse':
        fail(`refused: ${step.reason}`, step.message);
        break;
      case 'refused':
        fail(`refused: ${step.reason}`);
        break;
      case 'renamed':
        end(step);
        break;
      case 'yield':
        end({ kind: 'yielded' });
        break;
    }
  };
  const onError = (error: NodeJS.ErrnoException) => fail(failureOf(error));
  const onClose = () => end({ kind: 'closed' });
  const timer = setTimeout(() => fail(`timed out: no handshake within ${timeoutMs} ms`), timeoutMs);
  socket.on('message', onMessage).on('error', onError).on('close', onClose);
  return () => {
    detach();
    socket.terminate();
  };
}

/** Closes in good order, or else by force. */
export function closeSocket(socket: WebSocket, code: number, reason: string): void {
  const timer = setTimeout(() => socket.terminate(), closeTimeoutMs);
  socket.once('close', () => clearTimeout(timer));
  if (socket.readyState === socket.CONNECTING) socket.terminate();
  // WebSocket allows 123 bytes.
  else socket.close(code, truncate(reason, 123));
}

function truncate(text: string, bytesMax: number): string {
  let short = text.slice(0, bytesMax);
  while (Buffer.byteLength(short) > bytesMax) short = short.slice(0, -1);
  return short;
}

function failureOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'ECONNREFUSED') return 'refused: nobody listens';
  if (error.message.startsWith('Unexpected server response')) return `refused: ${error.message.toLowerCase()}`;
  return `unreachable: ${error.message || error.code || 'unknown failure'}`;
}
