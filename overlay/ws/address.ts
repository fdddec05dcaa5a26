import { isIPv6 } from 'node:net';
import type { Address } from '../runtime.ts';

const pattern = /^(?:\[([0-9a-fA-F:.]+)\]|(?:[A-Za-z0-9_.-]+)):(\d{1,5})$/;

/** `host:port`, with an IPv6 host in brackets. */
export function formatAddress(host: string, port: number): Address {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

export function isAddress(text: string): boolean {
  const match = pattern.exec(text);
  if (!match) return false;
  const [, ipv6, digits] = match;
  const port = Number(digits);
  return port >= 1 && port <= 65_535 && (ipv6 === undefined || isIPv6(ipv6));
}
