import { describe, expect, test } from 'vitest';
import { encodeCbor } from '../../columnar/index.ts';
import { decodeSessionReply, decodeVerdict } from './protocol.ts';

const failed = (code: unknown): Uint8Array =>
  encodeCbor({ type: 'failed', session: 1, code, message: 'why', position: null, hint: null });

describe('the code of an error', () => {
  test.each([
    ['storageFull', 'storageFull'],
    ['ofALaterVersion', 'internal'],
    ['constructor', 'internal'],
    ['', 'internal'],
  ])('%j is read as %s', (code, read) => {
    expect(decodeSessionReply(failed(code))).toMatchObject({ type: 'failed', session: 1, code: read, message: 'why' });
    const refused = encodeCbor({ type: 'refused', code, message: 'why' });
    expect(decodeVerdict(refused)).toEqual({ type: 'refused', code: read, message: 'why' });
  });

  test.each([53_100, null, 'x'.repeat(1_000)])('is not %j', (code) => {
    expect(() => decodeSessionReply(failed(code))).toThrow(expect.objectContaining({ code: 'protocol' }));
  });
});
