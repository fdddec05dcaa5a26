import { type Advert, advertCodec } from './advert.ts';
import {
  bytes,
  type Codec,
  CodecError,
  contact,
  flag,
  list,
  memberId,
  oneOf,
  padding,
  Reader,
  struct,
  tagged,
  text,
  u8,
  u16,
  u32,
  Writer,
} from './codec.ts';
import { zeroKey } from './keys.ts';
import type { AppId, Contact, Key } from './overlay.ts';
import { frameBytesMax } from './runtime.ts';

/** The first byte of every frame, but for `briefForm`, and in each handshake; another version is not understood. */
export const protocolVersion = 6;
/** Set in the first byte of a frame whose header is brief. */
const briefForm = 0x80;

/** The first 16 digits of a member's id, which are enough for whoever knows it. */
export type MemberName = string;

export function nameOf(id: Key): MemberName {
  return id.slice(0, 2 * memberNameBytes);
}

/** What every frame says of its sender, and whom it means: an address may have a new inhabitant. */
export interface Header {
  readonly sender: Key;
  /** Drawn anew by each life of a node, so that a restart is noticed. */
  readonly incarnation: number;
  /** The sender belongs to the ring: neither still joining nor leaving. */
  readonly isMember: boolean;
  /** Null for whoever lives at the address. */
  readonly target: MemberName | null;
}

export interface Envelope extends Header {
  readonly message: Message;
}

/** How far a session arrived in order; bit `i` of `sack` tells that `next + 1 + i` arrived too. */
export interface Acknowledgement {
  /** 0 acknowledges nothing. */
  readonly session: number;
  readonly next: number;
  readonly sack: number;
}

/** One fragment of a conversation. */
export interface DataMessage {
  readonly type: 'data';
  /** The life of the receiver that the sender talks to; 0 before it knows. */
  readonly incarnation: number;
  readonly session: number;
  readonly sequence: number;
  readonly acknowledges: Acknowledgement;
  readonly app: AppId;
  /** Nothing of the session has been acknowledged yet: the receiver may never have heard of it. */
  readonly isOpening: boolean;
  /** The fragment ends a payload. */
  readonly isLast: boolean;
  /** Starts at a multiple of 8 bytes into the frame, so that Arrow reads it in place. */
  readonly payload: Uint8Array;
}

export interface AckMessage {
  readonly type: 'ack';
  readonly acknowledges: Acknowledgement;
}

/** The sender knows nothing of this session of the receiver's, which is therefore over. */
export interface ResetMessage {
  readonly type: 'reset';
  readonly session: number;
}

export interface RequestMessage {
  readonly type: 'request';
  readonly request: number;
  readonly app: AppId;
  readonly payload: Uint8Array;
}

export const replyOutcomes = ['ok', 'unreachable', 'timeout', 'refused', 'closed', 'conflict', 'full'] as const;

export interface ReplyMessage {
  readonly type: 'reply';
  readonly request: number;
  /** Anything but `ok` is the code of an `OverlayError`, whose text is the payload. */
  readonly outcome: (typeof replyOutcomes)[number];
  readonly payload: Uint8Array;
}

/** One piece of news about a third member, passed on like a rumour. */
export type News = Arrival | Departure;

export interface Arrival {
  readonly kind: 'joined';
  readonly contact: Contact;
  /** How long ago, in milliseconds, to 10 of them. */
  readonly agoMs: number;
}

export interface Departure {
  readonly kind: 'left' | 'failed';
  readonly name: MemberName;
  readonly agoMs: number;
}

/** A sum over the members that a node knows, itself included: equal for nodes that know the same. */
export interface Census {
  readonly members: number;
  readonly hash: number;
}

/** What a member tells of its copies, numbered anew with each change, 1 to 65,535. */
export interface NumberedAdvert {
  readonly version: number;
  readonly advert: Advert;
}

/** Mostly a heartbeat of a few bytes; whatever else it carries is left out when it would be no news. */
export interface PingMessage {
  readonly type: 'ping' | 'pong';
  /** The pinging node's clock, in 1/16 ms modulo 2^32; echoed by the pong. */
  readonly stamp: number;
  /** Number of the receiver's advert that the sender has; 0 when it has none. */
  readonly seen: number;
  /** The sender wants the receiver's advert, though they are not neighbours. */
  readonly asks: boolean;
  readonly advert: NumberedAdvert | null;
  /** Hash of the members next to the receiver, by the sender's table. */
  readonly view: number | null;
  /** Hash of the members around the pinging node, which has just entered, by the sender's table. */
  readonly entry: number | null;
  readonly census: Census | null;
  /** Members next to the receiver or the sender, whose views differ. */
  readonly contacts: readonly Contact[];
}

/** Rumours; answered, so that they are not told for ever. */
export interface GossipMessage {
  readonly type: 'gossip';
  readonly number: number;
  readonly news: readonly News[];
}

export interface GossipAckMessage {
  readonly type: 'gossipAck';
  readonly number: number;
  /** Bit `i`: piece `i` was known already. */
  readonly known: number;
}

/** A frame came that was meant for another node. */
export interface StrangerMessage {
  readonly type: 'stranger';
  readonly meant: MemberName;
}

/** A brief frame came, and who sent it to whom is not known here: introduce yourself. */
export interface UnknownMessage {
  readonly type: 'unknown';
}

export type Message =
  | DataMessage
  | AckMessage
  | ResetMessage
  | RequestMessage
  | ReplyMessage
  | (PingMessage & { readonly type: 'ping' })
  | (PingMessage & { readonly type: 'pong' })
  | GossipMessage
  | GossipAckMessage
  | StrangerMessage
  | UnknownMessage;

export type MessageHandlers = {
  readonly [T in Exclude<Message['type'], 'stranger' | 'unknown'>]: (
    from: Contact,
    message: Extract<Message, { type: T }>,
    envelope: Envelope,
  ) => void;
} & {
  /** Somebody else lives where a frame for `meant` went. */
  stranger(from: Contact, meant: Key): void;
};

/** Limits of what one message may carry; a frame may not exceed `frameBytesMax` in any case. */
export const pingContactsMax = 32;
export const gossipNewsMax = 32;
const memberNameBytes = 8;

const acknowledgement = struct<Acknowledgement>({ session: u32, next: u32, sack: u32 });

const agoUnitMs = 10;
const ago: Codec<number> = {
  write: (writer, value) => u16.write(writer, Math.min(65_535, Math.round(value / agoUnitMs))),
  read: (reader) => u16.read(reader) * agoUnitMs,
};
const memberName: Codec<MemberName> = {
  write: (writer, value) => {
    const at = writer.claim(memberNameBytes);
    writer.buffer.write(value, at, memberNameBytes, 'hex');
  },
  read: (reader) => {
    const at = reader.take(memberNameBytes);
    return reader.buffer.toString('hex', at, at + memberNameBytes);
  },
};

const departure = struct<Omit<Departure, 'kind'>>({ name: memberName, agoMs: ago });
const newsKinds = oneOf(['joined', 'left', 'failed']);
const arrival = struct<Omit<Arrival, 'kind'>>({ contact, agoMs: ago });
export const newsCodec: Codec<News> = {
  write: (writer, value) => {
    newsKinds.write(writer, value.kind);
    if (value.kind === 'joined') arrival.write(writer, value);
    else departure.write(writer, value);
  },
  read: (reader) => {
    const kind = newsKinds.read(reader);
    return kind === 'joined' ? { kind, ...arrival.read(reader) } : { kind, ...departure.read(reader) };
  },
};

const numberedAdvert = struct<NumberedAdvert>({ version: u16, advert: advertCodec });
const census = struct<Census>({ members: u16, hash: u32 });
const contacts = list(contact, pingContactsMax);

const pingParts = { asks: 1, advert: 2, view: 4, entry: 8, census: 16, contacts: 32 } as const;
const pingPartsMax = 63;

/** A byte says which parts follow. */
const ping: Codec<Omit<PingMessage, 'type'>> = {
  write: (writer, value) => {
    const { advert, view, entry, census: sum } = value;
    const parts =
      (value.asks ? pingParts.asks : 0) |
      (advert ? pingParts.advert : 0) |
      (view === null ? 0 : pingParts.view) |
      (entry === null ? 0 : pingParts.entry) |
      (sum ? pingParts.census : 0) |
      (value.contacts.length > 0 ? pingParts.contacts : 0);
    u8.write(writer, parts);
    u32.write(writer, value.stamp);
    u16.write(writer, value.seen);
    if (advert) numberedAdvert.write(writer, advert);
    if (view !== null) u32.write(writer, view);
    if (entry !== null) u32.write(writer, entry);
    if (sum) census.write(writer, sum);
    if (value.contacts.length > 0) contacts.write(writer, value.contacts);
  },
  read: (reader) => {
    const parts = u8.read(reader);
    if (parts > pingPartsMax) throw new CodecError('unknown part of a ping');
    return {
      asks: (parts & pingParts.asks) !== 0,
      stamp: u32.read(reader),
      seen: u16.read(reader),
      advert: parts & pingParts.advert ? numberedAdvert.read(reader) : null,
      view: parts & pingParts.view ? u32.read(reader) : null,
      entry: parts & pingParts.entry ? u32.read(reader) : null,
      census: parts & pingParts.census ? census.read(reader) : null,
      contacts: parts & pingParts.contacts ? contacts.read(reader) : [],
    };
  },
};

/** The rest of the frame. */
const remainder: Codec<Uint8Array> = bytes(frameBytesMax);

// Field by field, since most frames are one of these two.
const request: Codec<Omit<RequestMessage, 'type'>> = {
  write: (writer, value) => {
    u32.write(writer, value.request);
    u8.write(writer, value.app);
    remainder.write(writer, value.payload);
  },
  read: (reader) => ({ request: u32.read(reader), app: u8.read(reader), payload: remainder.read(reader) }),
};
const outcome = oneOf(replyOutcomes);
const reply: Codec<Omit<ReplyMessage, 'type'>> = {
  write: (writer, value) => {
    u32.write(writer, value.request);
    outcome.write(writer, value.outcome);
    remainder.write(writer, value.payload);
  },
  read: (reader) => ({ request: u32.read(reader), outcome: outcome.read(reader), payload: remainder.read(reader) }),
};

const message: Codec<Message> = tagged<Message>({
  data: [1, dataCodec()],
  ack: [2, struct({ acknowledges: acknowledgement })],
  reset: [3, struct({ session: u32 })],
  request: [4, request],
  reply: [5, reply],
  ping: [6, ping],
  pong: [7, ping],
  stranger: [8, struct({ meant: memberName })],
  unknown: [9, struct({})],
  gossip: [10, struct({ number: u16, news: list(newsCodec, gossipNewsMax) })],
  gossipAck: [11, struct({ number: u16, known: u32 })],
});

/** Lays out the fields so that the payload starts at byte 72 of the frame. */
function dataCodec(): Codec<Omit<DataMessage, 'type'>> {
  const align = padding(6);
  return struct<Omit<DataMessage, 'type'>>({
    incarnation: u32,
    session: u32,
    sequence: u32,
    acknowledges: acknowledgement,
    app: u8,
    isOpening: flag,
    isLast: flag,
    payload: {
      write: (writer, value) => {
        align.write(writer, null);
        remainder.write(writer, value);
      },
      read: (reader) => {
        align.read(reader);
        return remainder.read(reader);
      },
    },
  });
}

const noTarget = nameOf(zeroKey);
const fullHeader = struct<Omit<Header, 'target'> & { target: MemberName }>({
  isMember: flag,
  incarnation: u32,
  sender: memberId,
  target: memberName,
});
/** Enough for a full header and any small message. */
const smallFrameBytes = 128;
const briefFrameBytes = 32;

/** In 31 bits, a small integer for engines, what a full header says, for a receiver that has had it in full. */
export function headerCheck({ sender, incarnation, isMember, target }: Header): number {
  let hash = Math.imul(incarnation ^ (isMember ? 0x9e3779b9 : 0x7f4a7c15), 0x01000193);
  for (const text of [sender, target ?? noTarget]) {
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return (hash ^ (hash >>> 15)) >>> 1;
}

export function encodeFrame(envelope: Envelope): Uint8Array {
  const { sender, incarnation, isMember, target, message: content } = envelope;
  const payload = 'payload' in content ? content.payload.length : 0;
  const writer = Writer.begin(smallFrameBytes + payload);
  u8.write(writer, protocolVersion);
  fullHeader.write(writer, { isMember, incarnation, sender, target: target ?? noTarget });
  message.write(writer, content);
  return writer.finish();
}

/** Data goes in full, since its payload must be aligned. */
export function encodeBriefFrame(check: number, content: Exclude<Message, DataMessage>): Uint8Array {
  const payload = 'payload' in content ? content.payload.length : 0;
  const writer = Writer.begin(briefFrameBytes + payload);
  u8.write(writer, protocolVersion | briefForm);
  u32.write(writer, check);
  message.write(writer, content);
  return writer.finish();
}

/** Whether a frame's header stands for what was said before; of an empty frame, no. */
export function isBrief(frame: Uint8Array): boolean {
  return ((frame[0] ?? 0) & briefForm) !== 0;
}

/**
 * Null for a brief frame of which `expand` does not know the header.
 * @throws CodecError, and nothing else, when the frame is not one valid message
 */
export function decodeFrame(frame: Uint8Array, expand: (check: number) => Header | null): Envelope | null {
  const reader = new Reader(frame);
  const form = u8.read(reader);
  const version = form & ~briefForm;
  if (version !== protocolVersion) throw new CodecError(`protocol version ${version}, expected ${protocolVersion}`);
  const brief = form !== version;
  const header = brief ? expand(u32.read(reader)) : fullHeader.read(reader);
  const content = message.read(reader);
  reader.expectEnd();
  if (brief && content.type === 'data') throw new CodecError('data with a brief header');
  if (!header) return null;
  const { sender, incarnation, isMember, target } = header;
  return { sender, incarnation, isMember, target: target === noTarget ? null : target, message: content };
}

const refusalBytesMax = 1_024;
const refusal = text(refusalBytesMax);

/** The text of a refused request, cut to what fits. */
export function encodeRefusal(reason: string): Uint8Array {
  const writer = Writer.begin(smallFrameBytes);
  refusal.write(writer, reason.length * 3 <= refusalBytesMax ? reason : `${reason.slice(0, refusalBytesMax / 3 - 1)}`);
  return writer.finish();
}

/** @throws CodecError */
export function decodeRefusal(payload: Uint8Array): string {
  const reader = new Reader(payload);
  const reason = refusal.read(reader);
  reader.expectEnd();
  return reason;
}
