import type { WebSocket } from 'ws';

/** How often each end pings the other; a peer that was silent for a whole interval is given up. */
const pingIntervalMs = 15_000;

/** Ends the connection to a peer that vanished without closing it. */
export function keepAlive(socket: WebSocket): void {
  let heard = true;
  const timer = setInterval(() => {
    if (!heard) {
      socket.terminate();
      return;
    }
    heard = false;
    socket.ping();
  }, pingIntervalMs);
  timer.unref();
  const listening = (): void => {
    heard = true;
  };
  socket.on('pong', listening);
  socket.on('message', listening);
  socket.on('close', () => clearInterval(timer));
}
