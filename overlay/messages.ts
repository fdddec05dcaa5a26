import {
  address,
  bytes,
  type Codec,
  CodecError,
  contact,
  flag,
  key,
  list,
  milliseconds,
  nullable,
  oneOf,
  padding,
  Reader,
  regionSet,
  struct,
  tagged,
  text,
  u8,
  u32,
  Writer,
} from './codec.ts';
import type { AppId, Contact, Key } from './overlay.ts';
import { RegionSet } from './region.ts';
import { frameBytesMax } from './runtime.ts';

/** The first byte of every frame; another version is not understood. */
export const protocolVersion = 1;

/** What every frame says of its sender, and whom it means: an address may have a new inhabitant. */
export interface Envelope {
  readonly sender: Key;
  /** Drawn anew by each life of a node, so that a restart is noticed. */
  readonly incarnation: number;
  /** The sender belongs to the ring: neither still joining nor leaving. */
  readonly isMember: boolean;
  /** Null for whoever lives at the address. */
  readonly target: Key | null;
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

export const replyOutcomes = ['ok', 'unreachable', 'timeout', 'refused', 'closed', 'conflict'] as const;

export interface ReplyMessage {
  readonly type: 'reply';
  readonly request: number;
  /** Anything but `ok` is the code of an `OverlayError`, whose text is the payload. */
  readonly outcome: (typeof replyOutcomes)[number];
  readonly payload: Uint8Array;
}

/** What a member tells of its copies. */
export interface Advert {
  /** Regions that it must keep, completely and up to date. */
  readonly held: RegionSet;
  /** Regions that it need not keep any more but of which it has the last complete copy. */
  readonly spare: RegionSet;
  /** Regions of which it has what was complete until another took them over. */
  readonly retired: RegionSet;
  /** Held or spare regions of which it may lack something, since all copies of them had been lost. */
  readonly lossy: RegionSet;
}

/** One piece of news about a third member, passed on like a rumour. */
export interface News {
  readonly kind: 'joined' | 'left' | 'failed';
  readonly contact: Contact;
  /** How long ago, in milliseconds. */
  readonly agoMs: number;
}

export interface PingMessage {
  readonly type: 'ping' | 'pong';
  /** The pinging node's clock, echoed by the pong. */
  readonly sentAtMs: number;
  readonly advert: Advert | null;
  /** Members that the receiver may want to know, its neighbours by the sender's table first. */
  readonly contacts: readonly Contact[];
  readonly news: readonly News[];
}

/** A frame came that was meant for another node. */
export interface StrangerMessage {
  readonly type: 'stranger';
  readonly meant: Key;
}

export type Message =
  | DataMessage
  | AckMessage
  | ResetMessage
  | RequestMessage
  | ReplyMessage
  | (PingMessage & { readonly type: 'ping' })
  | (PingMessage & { readonly type: 'pong' })
  | StrangerMessage;

export type MessageHandlers = {
  readonly [T in Message['type']]: (from: Contact, message: Extract<Message, { type: T }>, envelope: Envelope) => void;
};

/** Limits of what one message may carry; a frame may not exceed `frameBytesMax` in any case. */
export const pingContactsMax = 32;
export const pingNewsMax = 16;
const advertRegionsMax = 64;

const acknowledgement = struct<Acknowledgement>({ session: u32, next: u32, sack: u32 });

export const newsCodec = struct<News>({
  kind: oneOf(['joined', 'left', 'failed']),
  contact: struct<Contact>({ id: key, address }),
  agoMs: milliseconds,
});

const advertised = regionSet(advertRegionsMax);
/** What is too much to say must not pass for whole. */
const lossy: Codec<RegionSet> = {
  write: (writer, value) =>
    advertised.write(writer, value.edges.length <= 2 * advertRegionsMax ? value : RegionSet.whole()),
  read: advertised.read,
};
const advert = struct<Advert>({ held: advertised, spare: advertised, retired: advertised, lossy });

const ping = struct<Omit<PingMessage, 'type'>>({
  sentAtMs: milliseconds,
  advert: nullable(advert),
  contacts: list(contact, pingContactsMax),
  news: list(newsCodec, pingNewsMax),
});

/** The rest of the frame. */
const remainder: Codec<Uint8Array> = bytes(frameBytesMax);

const message: Codec<Message> = tagged<Message>({
  data: [1, dataCodec()],
  ack: [2, struct({ acknowledges: acknowledgement })],
  reset: [3, struct({ session: u32 })],
  request: [4, struct({ request: u32, app: u8, payload: remainder })],
  reply: [5, struct({ request: u32, outcome: oneOf(replyOutcomes), payload: remainder })],
  ping: [6, ping],
  pong: [7, ping],
  stranger: [8, struct({ meant: key })],
});

/** Lays out the fields so that the payload starts at byte 80 of the frame. */
function dataCodec(): Codec<Omit<DataMessage, 'type'>> {
  const align = padding(2);
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

const noTarget = '0'.repeat(40);
const header = struct<Omit<Envelope, 'message' | 'target'> & { version: number; target: Key }>({
  version: u8,
  isMember: flag,
  incarnation: u32,
  sender: key,
  target: key,
});
/** Enough for the header and any small message. */
const smallFrameBytes = 128;

export function encodeFrame(envelope: Envelope): Uint8Array {
  const { sender, incarnation, isMember, target, message: content } = envelope;
  const payload = 'payload' in content ? content.payload.length : 0;
  const writer = new Writer(smallFrameBytes + payload);
  header.write(writer, { version: protocolVersion, isMember, incarnation, sender, target: target ?? noTarget });
  message.write(writer, content);
  return writer.finish();
}

/** @throws CodecError, and nothing else, when the frame is not one valid message */
export function decodeFrame(frame: Uint8Array): Envelope {
  const reader = new Reader(frame);
  const { version, isMember, incarnation, sender, target } = header.read(reader);
  if (version !== protocolVersion) throw new CodecError(`protocol version ${version}, expected ${protocolVersion}`);
  const content = message.read(reader);
  reader.expectEnd();
  return { sender, incarnation, isMember, target: target === noTarget ? null : target, message: content };
}

const refusalBytesMax = 1_024;
const refusal = text(refusalBytesMax);

/** The text of a refused request, cut to what fits. */
export function encodeRefusal(reason: string): Uint8Array {
  const writer = new Writer(smallFrameBytes);
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
