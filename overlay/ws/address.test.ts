import { expect, test } from 'vitest';
import { formatAddress, isAddress } from './address.ts';

test('addresses are host:port, with IPv6 in brackets', () => {
  for (const address of ['127.0.0.1:7000', 'node-1.example.org:1', '[::1]:65535'])
    expect(isAddress(address)).toBe(true);
  for (const text of [
    '',
    'host',
    'host:',
    'host:0',
    'host:65536',
    ':7000',
    '::1:7000',
    '[zz]:1',
    '[1::2::3]:1',
    'a b:1',
    'x/y:1',
    'u@h:1',
  ]) {
    expect(isAddress(text), text).toBe(false);
  }
  expect(formatAddress('::1', 7000)).toBe('[::1]:7000');
  expect(formatAddress('host', 7000)).toBe('host:7000');
});
