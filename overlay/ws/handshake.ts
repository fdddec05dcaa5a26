import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { replicasMax } from '../defaults.ts';
import { type GeometryName, geometries } from '../geometry/contact-table.ts';
import { protocolVersion } from '../messages.ts';
import type { Address } from '../runtime.ts';
import { isAddress } from './address.ts';

/** No handshake message is longer. */
const messageBytesMax = 2_048;
const reasonCharsMax = 300;

/** Who a transport says it is. */
export interface Identity {
  readonly cluster: string;
  /** Copies that its fleet keeps of everything: a ring whose members disagree would lose what one of them relies on. */
  readonly replicas: number;
  /** Members that disagree on it would each own what the other thinks is its own. */
  readonly geometry: GeometryName;
  /** Where others reach it. */
  readonly address: Address;
  /** Random for each start, so that a restarted peer is not taken for its earlier life. */
  readonly instance: string;
}

const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`));
const Hello = z.strictObject({
  type: z.literal('hello'),
  version: z.literal(protocolVersion),
  cluster: z.string().min(1).max(200),
  replicas: z.int().min(1).max(replicasMax),
  geometry: z.enum(geometries),
  address: z.string().max(300).refine(isAddress, 'not host:port'),
  instance: hex(16),
  nonce: hex(32),
  hasSecret: z.boolean(),
});
const Proof = z.strictObject({ type: z.literal('proof'), mac: hex(32).nullable() });
const Refused = z.strictObject({ type: z.literal('refused'), reason: z.string().max(reasonCharsMax) });
const Yield = z.strictObject({ type: z.literal('yield') });
const Message = z.discriminatedUnion('type', [Hello, Proof, Refused, Yield]);

export type Hello = z.infer<typeof Hello>;
type Message = z.infer<typeof Message>;

export type Role = 'dialler' | 'acceptor';

/** A dialler also knows by which name it dialled. */
export type Part = { readonly role: 'dialler'; readonly dialled: Address } | { readonly role: 'acceptor' };

export type Step =
  | { readonly kind: 'send'; readonly message: Uint8Array }
  /** The peer is who it says; an acceptor now answers with `accept()` or `yieldTo()`. */
  | { readonly kind: 'proved'; readonly peer: Hello }
  /** This side refuses; the message tells the peer why. */
  | { readonly kind: 'refuse'; readonly reason: string; readonly message: Uint8Array }
  | { readonly kind: 'refused'; readonly reason: string }
  /** The acceptor is dialling this node itself, and its connection is the one that shall live. */
  | { readonly kind: 'yield' }
  /** The acceptor goes by another address than the one dialled. */
  | { readonly kind: 'renamed'; readonly address: Address };

/**
 * One side of the handshake on a new connection; it decides, its caller sends.
 *
 * dialler -> acceptor  hello (version, cluster, copies kept, geometry, address, instance, nonce)
 * acceptor -> dialler  hello
 * dialler -> acceptor  proof: HMAC-SHA256 with the cluster secret over the prover's role and both hellos
 * acceptor -> dialler  proof, or yield
 *
 * Either side may send `refused` instead. The dialler proves first, so that whoever finds an open port gets nothing to
 * test guesses of the secret with. Without a secret at both sides the proofs are null. This admits peers; it does not
 * encrypt, so a network that others can read or write needs a tunnel beneath.
 */
export class Handshake {
  readonly #part: Part;
  readonly #secret: string | null;
  readonly #own: Hello;
  #peer: Hello | null = null;

  constructor(part: Part, identity: Identity, secret: string | null) {
    this.#part = part;
    this.#secret = secret;
    this.#own = {
      type: 'hello',
      version: protocolVersion,
      cluster: identity.cluster,
      replicas: identity.replicas,
      geometry: identity.geometry,
      address: identity.address,
      instance: identity.instance,
      nonce: randomBytes(32).toString('hex'),
      hasSecret: secret !== null,
    };
  }

  /** The message that a dialler begins with. */
  hello(): Uint8Array {
    return encode(this.#own);
  }

  receive(bytes: Uint8Array): Step {
    const { message, problem } = decode(bytes);
    if (!message) return this.#refuse(problem);
    switch (message.type) {
      case 'hello':
        return this.#receiveHello(message);
      case 'proof':
        return this.#receiveProof(message.mac);
      case 'refused':
        return { kind: 'refused', reason: message.reason };
      case 'yield':
        if (this.#part.role === 'dialler' && this.#peer) return { kind: 'yield' };
        return this.#refuse('malformed handshake: stray yield');
    }
  }

  accept(): Uint8Array {
    return encode({ type: 'proof', mac: this.#mac(this.#part.role) });
  }

  yieldTo(): Uint8Array {
    return encode({ type: 'yield' });
  }

  #receiveHello(peer: Hello): Step {
    if (this.#peer) return this.#refuse('malformed handshake: second hello');
    this.#peer = peer;
    const objection = objectionTo(peer, this.#own);
    if (objection) return this.#refuse(objection);
    if (this.#part.role === 'acceptor') return { kind: 'send', message: this.hello() };
    if (peer.address !== this.#part.dialled) return { kind: 'renamed', address: peer.address };
    return { kind: 'send', message: encode({ type: 'proof', mac: this.#mac('dialler') }) };
  }

  #receiveProof(mac: string | null): Step {
    if (!this.#peer) return this.#refuse('malformed handshake: proof before hello');
    const expected = this.#mac(this.#part.role === 'dialler' ? 'acceptor' : 'dialler');
    const isProved =
      expected === null || mac === null
        ? expected === mac
        : timingSafeEqual(Buffer.from(expected, 'hex'), Buffer.from(mac, 'hex'));
    return isProved ? { kind: 'proved', peer: this.#peer } : this.#refuse('wrong cluster secret');
  }

  #refuse(reason: string): Step {
    return { kind: 'refuse', reason, message: encode({ type: 'refused', reason: reason.slice(0, reasonCharsMax) }) };
  }

  #mac(prover: Role): string | null {
    if (this.#secret === null) return null;
    const hellos = this.#part.role === 'dialler' ? [this.#own, this.#peer] : [this.#peer, this.#own];
    const fields = hellos.map(
      (hello) => hello && [hello.cluster, hello.replicas, hello.geometry, hello.address, hello.instance, hello.nonce],
    );
    const transcript = JSON.stringify(['wharf peer', protocolVersion, prover, ...fields]);
    return createHmac('sha256', this.#secret).update(transcript).digest('hex');
  }
}

/** Why these two may not talk, in words that are true at both of them. */
function objectionTo(peer: Hello, own: Hello): string | null {
  if (peer.cluster !== own.cluster) return `wrong cluster: '${peer.cluster}' is not '${own.cluster}'`;
  if (peer.replicas !== own.replicas) {
    return `wrong number of replicas: ${peer.address} keeps ${peer.replicas} copies, ${own.address} keeps ${own.replicas}`;
  }
  if (peer.geometry !== own.geometry) {
    return `wrong geometry: ${peer.address} is of ${peer.geometry}, ${own.address} of ${own.geometry}`;
  }
  if (peer.hasSecret !== own.hasSecret) {
    const [having, lacking] = peer.hasSecret ? [peer, own] : [own, peer];
    return `cluster secret set at ${having.address} but not at ${lacking.address}`;
  }
  if (peer.instance === own.instance) return 'own address';
  if (peer.address === own.address) return `address ${own.address} used by two nodes`;
  return null;
}

function encode(message: Message): Uint8Array {
  return Buffer.from(JSON.stringify(message));
}

type Decoded =
  | { readonly message: Message; readonly problem?: never }
  | { readonly message: null; readonly problem: string };

function decode(bytes: Uint8Array): Decoded {
  if (bytes.length > messageBytesMax) return { message: null, problem: `malformed handshake: ${bytes.length} bytes` };
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return { message: null, problem: 'malformed handshake: not JSON' };
  }
  // Another version may have other fields, so it is looked for before they are checked.
  const version = z.object({ type: z.literal('hello'), version: z.number() }).safeParse(value);
  if (version.success && version.data.version !== protocolVersion) {
    return { message: null, problem: `wrong protocol version: ${version.data.version} is not ${protocolVersion}` };
  }
  const parsed = Message.safeParse(value);
  if (parsed.success) return { message: parsed.data };
  const issue = parsed.error.issues[0];
  return { message: null, problem: `malformed handshake: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}` };
}
