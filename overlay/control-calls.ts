import { type Codec, decode, encode } from './codec.ts';
import {
  type ControlRequest,
  controlApp,
  controlRequest,
  type FindReply,
  type FindRequest,
  findApp,
  findReply,
  findRequest,
  type JoinReply,
  joinReply,
  type MembersReply,
  membersReply,
  reachReply,
} from './control.ts';
import type { Lookups } from './lookups.ts';
import type { ArcSums } from './membership/census.ts';
import type { Membership } from './membership/membership.ts';
import type { Contact } from './overlay.ts';
import type { Router } from './router.ts';
import type { Rpc } from './rpc.ts';
import type { Target } from './wire.ts';

export interface ControlCallOptions {
  readonly joinRequestTimeoutMs: number;
  readonly hopTimeoutMs: number;
  readonly helperTimeoutMs: number;
}

const messageBytes = 128;

/** The requests that keep the ring, as they are asked. Promises reject with `OverlayError`, unless they say otherwise. */
export class ControlCalls {
  readonly #options: ControlCallOptions;
  readonly #rpc: Rpc;

  constructor(options: ControlCallOptions, rpc: Rpc) {
    this.#options = options;
    this.#rpc = rpc;
  }

  ask(to: Target, request: ControlRequest, timeoutMs: number): Promise<Uint8Array> {
    return this.#rpc.request(to, controlApp, encodeRequest(request), { timeoutMs });
  }

  /** The same, for an answer that is read with a codec. */
  askFor<T>(to: Target, request: ControlRequest, answer: Codec<T>, timeoutMs: number): Promise<T> {
    return this.#rpc.ask(to, controlApp, encodeRequest(request), answer, { timeoutMs });
  }

  join(to: Target, contactsMax: number): Promise<JoinReply> {
    return this.askFor(to, { type: 'join', contactsMax }, joinReply, this.#options.joinRequestTimeoutMs);
  }

  find(to: Contact, request: FindRequest, isWanted: () => boolean): Promise<FindReply> {
    const { hopTimeoutMs: timeoutMs } = this.#options;
    return this.#rpc.ask(to, findApp, encode(findRequest, request), findReply, { timeoutMs, isWanted });
  }

  async leave(to: Contact): Promise<void> {
    await this.ask(to, { type: 'leave' }, this.#options.joinRequestTimeoutMs);
  }

  compare(to: Contact, sums: ArcSums): Promise<MembersReply> {
    return this.askFor(to, { type: 'compare', ...sums }, membersReply, this.#options.hopTimeoutMs);
  }

  /** Whether the helper reached the contact; false, too, when the helper does not say. */
  reach(helper: Contact, contact: Contact): Promise<boolean> {
    const reached = this.askFor(helper, { type: 'reach', contact }, reachReply, this.#options.helperTimeoutMs);
    return reached.catch(() => false);
  }
}

function encodeRequest(request: ControlRequest): Uint8Array {
  const payloadBytes = 'payload' in request ? request.payload.length : 0;
  return encode(controlRequest, request, messageBytes + payloadBytes);
}

/** Who knows the answers to the requests that keep the ring. */
export interface ControlAnswerers {
  readonly membership: Membership;
  readonly router: Router;
  readonly lookups: Lookups;
}

/** Answers a request that keeps the ring. @throws CodecError, OverlayError */
export function answerControl(
  { membership, router, lookups }: ControlAnswerers,
  from: Contact,
  payload: Uint8Array,
): Uint8Array | Promise<Uint8Array> {
  const request = decode(controlRequest, payload);
  switch (request.type) {
    case 'join': {
      const reply = membership.introduce(from.id, request.contactsMax);
      return encode(joinReply, reply, messageBytes * (1 + reply.contacts.length));
    }
    case 'leave':
      return new Uint8Array(0); // The envelope said it already.
    case 'compare':
      return encode(membersReply, membership.compare(request), messageBytes);
    case 'reach':
      return membership.reach(request.contact).then((reached) => encode(reachReply, reached));
    case 'found':
      lookups.onFound(from, request.number);
      return new Uint8Array(0);
    case 'hop':
      router.onHop(request, from);
      return new Uint8Array(0);
  }
}

/** Answers who owns a key, as far as this node knows. @throws CodecError */
export function answerFind(
  { membership, router }: Pick<ControlAnswerers, 'membership' | 'router'>,
  payload: Uint8Array,
): Uint8Array {
  const { key, inVain } = decode(findRequest, payload);
  const reply = router.find(key);
  const [nearest] = reply.nearer;
  // Suspects come last: while there are any, whoever is meant is looked at already.
  const isLookedAt = reply.nearer.some(({ id }) => membership.isSuspect(id));
  if (inVain && nearest && !isLookedAt) membership.suspect(nearest, 'does not answer others');
  return encode(findReply, reply);
}
