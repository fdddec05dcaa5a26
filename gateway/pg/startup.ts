import { BodyReader, FramingError } from './reader.ts';

// The first packet of a connection says what it is for.

const cancelCode = 80877102;
const sslCode = 80877103;
const gssCode = 80877104;

export type StartupPacket =
  | { readonly kind: 'encryption' }
  | { readonly kind: 'cancel'; readonly processId: number; readonly secret: number }
  | {
      readonly kind: 'startup';
      readonly major: number;
      readonly minor: number;
      readonly parameters: ReadonlyMap<string, string>;
    };

/** @throws FramingError */
export function parseStartupPacket(body: Buffer): StartupPacket {
  const reader = new BodyReader(body);
  const code = reader.int32();
  if (code === sslCode || code === gssCode) return { kind: 'encryption' };
  if (code === cancelCode) return { kind: 'cancel', processId: reader.int32(), secret: reader.int32() };
  return {
    kind: 'startup',
    major: code >>> 16,
    minor: code & 0xffff,
    parameters: parseParameters(reader, code >>> 16),
  };
}

/** Pairs of strings, ended by an empty name. Another major version may have laid them out otherwise. */
function parseParameters(reader: BodyReader, major: number): Map<string, string> {
  const parameters = new Map<string, string>();
  if (major !== 3) return parameters;
  for (let name = reader.string(); name !== ''; name = reader.string()) parameters.set(name, reader.string());
  if (reader.bytesLeft !== 0) throw new FramingError('invalid startup packet layout: expected terminator as last byte');
  return parameters;
}
