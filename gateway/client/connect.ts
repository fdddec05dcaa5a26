import { randomBytes } from 'node:crypto';
import WebSocket from 'ws';
import { QueryError } from '../../columnar/index.ts';
import { Inbox } from './inbox.ts';
import { proofFits, secretProof } from './proof.ts';
import {
  clientPath,
  decodeChallenge,
  decodeVerdict,
  encodeMessage,
  nodeMessageBytesMax,
  nonceBytes,
  protocolVersion,
} from './protocol.ts';
import { RemoteNode } from './remote-node.ts';

/** From the first packet to the node's welcome. */
const connectTimeoutMs = 10_000;

export interface ConnectOptions {
  /** The cluster secret; `null` when the fleet has none. */
  readonly secret: string | null;
}

/**
 * Connects to a node's own port.
 * @param address `host:port`, IPv6 hosts in brackets
 * @throws QueryError `unreachable`, `unauthorized` or `protocol`
 */
export async function connect(address: string, { secret }: ConnectOptions): Promise<RemoteNode> {
  const socket = new WebSocket(`ws://${address}${clientPath}`, {
    handshakeTimeout: connectTimeoutMs,
    maxPayload: nodeMessageBytesMax,
    perMessageDeflate: false,
  });
  const inbox = new Inbox<Uint8Array>();
  socket.on('message', (data) => inbox.push(data instanceof Buffer ? data : new Uint8Array()));
  socket.on('unexpected-response', (_request, response) => {
    inbox.fail(
      unreachable(
        address,
        `it answers HTTP ${response.statusCode}, so it is no Wharf node, or one that is still starting`,
      ),
    );
    socket.terminate();
  });
  socket.on('error', (error: NodeJS.ErrnoException) => inbox.fail(unreachable(address, reasonOf(error), error)));
  socket.on('close', () => inbox.fail(unreachable(address, 'the connection was closed')));
  const deadline = setTimeout(() => {
    inbox.fail(unreachable(address, 'no answer in time'));
    socket.terminate();
  }, connectTimeoutMs);
  try {
    return new RemoteNode(address, await handshake(address, socket, inbox, secret), socket);
  } catch (error) {
    socket.terminate();
    throw error;
  } finally {
    clearTimeout(deadline);
  }
}

/** @returns the node's id */
async function handshake(
  address: string,
  socket: WebSocket,
  inbox: Inbox<Uint8Array>,
  secret: string | null,
): Promise<string> {
  const challenge = decodeChallenge(await inbox.take());
  if (challenge.secretRequired && secret === null) {
    throw new QueryError('unauthorized', `the node at ${address} requires the cluster secret`, {
      hint: 'give the file that holds it: --secret-file FILE',
    });
  }
  const nonces = { node: challenge.nonce, client: randomBytes(nonceBytes) };
  socket.send(
    encodeMessage({
      type: 'hello',
      protocol: protocolVersion,
      nonce: nonces.client,
      proof: secret === null ? null : secretProof(secret, 'client', nonces),
    }),
  );
  const verdict = decodeVerdict(await inbox.take());
  if (verdict.type === 'refused')
    throw new QueryError(verdict.code, `${address} refused the connection: ${verdict.message}`);
  if (secret !== null && !proofFits(verdict.proof, secret, 'node', nonces)) {
    throw new QueryError('unauthorized', `the node at ${address} does not know the cluster secret`, {
      hint: 'it belongs to another fleet, or to one without a secret',
    });
  }
  return challenge.node;
}

function unreachable(address: string, reason: string, cause?: Error): QueryError {
  return new QueryError('unreachable', `cannot reach a Wharf node at ${address}: ${reason}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'is a node running there? `wharf start` and `wharf fleet` print their addresses',
  });
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was reset',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ENOTFOUND: 'unknown host',
  EAI_AGAIN: 'unknown host',
  ETIMEDOUT: 'no answer in time',
};

function reasonOf(error: NodeJS.ErrnoException): string {
  const code = error.code ?? '';
  if (code.startsWith('HPE_')) return 'something other than a Wharf node answers there';
  return reasons[code] ?? error.message;
}
