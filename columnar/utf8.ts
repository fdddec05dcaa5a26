// A byte order mark is a character like any other; what is no UTF-8 becomes U+FFFD.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();

/** Up to this many bytes, building the string by hand beats a call of the decoder. */
const shortBytes = 24;

export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= shortBytes && isAscii(bytes, start, end)) {
    let text = '';
    for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i] as number);
    return text;
  }
  return decoder.decode(bytes.subarray(start, end));
}

export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Most bytes that a string may need. */
export function utf8BytesMax(text: string): number {
  return 3 * text.length;
}

/** Writes at `at`, where there is room for `utf8BytesMax`, and returns how many bytes it took. */
export function writeUtf8(text: string, bytes: Uint8Array, at: number): number {
  if (text.length > shortBytes) return encoder.encodeInto(text, bytes.subarray(at)).written;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return encoder.encodeInto(text, bytes.subarray(at)).written;
    bytes[at + i] = unit;
  }
  return text.length;
}

export function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    if ((bytes[i] as number) >= 0x80) return false;
  }
  return true;
}
