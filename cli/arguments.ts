import { InvalidArgumentError } from 'commander';
import { defaultListen, storageBytesMin } from '../engine/index.ts';
import { type FormatName, formatNames } from './output/format.ts';

// Parsers of option values. A message of InvalidArgumentError is shown behind the option's name.

export const portMax = 65_535;

/** A host and a port to listen on or to reach. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const hostPortPattern = /^(\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):(\d{1,5})$/;

/** `host:port`, IPv6 hosts in brackets; `null` when it is none. */
export function hostPort(text: string): HostPort | null {
  const [, host, digits] = hostPortPattern.exec(text) ?? [];
  const port = Number(digits);
  return host === undefined || port > portMax ? null : { host, port };
}

export function addressArgument(text: string): string {
  if (hostPort(text) !== null) return text;
  throw new InvalidArgumentError(`It is host:port, for example ${defaultListen}.`);
}

/** For options that may be given again and again. */
export function addressesArgument(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, addressArgument(text)];
}

export function tablesArgument(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

export function portArgument(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= portMax) return port;
  throw new InvalidArgumentError(`It is a port, 0 to ${portMax}.`);
}

/** `port` on loopback, or `host:port`. */
export function pgArgument(text: string): HostPort {
  const given = hostPort(/^\d+$/.test(text) ? `127.0.0.1:${text}` : text);
  if (given !== null) return { ...given, host: given.host.replace(/^\[|\]$/g, '') };
  throw new InvalidArgumentError('It is a port, or host:port.');
}

export const mib: number = 1024 * 1024;
export const storeMibMin: number = storageBytesMin / mib;
/** A terabyte of memory. */
export const storeMibMax = 999_999;

export function countArgument(max: number, min = 1): (text: string) => number {
  return (text) => {
    const count = /^\d{1,6}$/.test(text) ? Number(text) : 0;
    if (count >= min && count <= max) return count;
    throw new InvalidArgumentError(`It is a number, ${min} to ${max}.`);
  };
}

export function formatArgument(text: string): FormatName {
  const name = formatNames.find((known) => known === text);
  if (name !== undefined) return name;
  throw new InvalidArgumentError(`It is one of ${formatNames.join(', ')}.`);
}
