import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { geometries, replicasMax } from '../engine/index.ts';
import { hostPort, pgArgument, portMax, storeMibMax, storeMibMin } from './arguments.ts';
import { UsageError } from './exit.ts';
import { readText } from './files.ts';
import { suggest } from './suggest.ts';

// A configuration file is JSON with the keys of `wharf start`'s options. What the command line says wins.

const address = z.string().refine((text) => hostPort(text) !== null, 'it is host:port');
const oneOrMore = <T extends z.ZodType<string>>(item: T) => z.union([item.transform((one) => [one]), z.array(item)]);

const keys = {
  listen: address,
  advertise: address,
  join: oneOrMore(address),
  /** `name=path`, a list of those, or an object from name to path. */
  table: z.union([
    oneOrMore(z.string()),
    z
      .record(z.string(), z.string())
      .transform((tables) => Object.entries(tables).map(([name, path]) => `${name}=${path}`)),
  ]),
  tables: z.string(),
  data: z.string(),
  cluster: z.string().min(1),
  replicas: z.int().min(1).max(replicasMax),
  geometry: z.enum(geometries),
  label: z.string(),
  'store-mib': z.int().min(storeMibMin).max(storeMibMax),
  'secret-file': z.string(),
  pg: z
    .union([
      z.int().min(0).max(portMax),
      z.string().refine((text) => /^\d{1,5}$/.test(text) || hostPort(text) !== null, 'it is a port or host:port'),
    ])
    .transform((given) => pgArgument(String(given))),
  'pg-users': z.string(),
  'host-metrics': z.boolean(),
};

const shape = z.object(keys).partial();

export type Config = z.infer<typeof shape>;

/** Reads a configuration file; the paths in it are relative to it. @throws UsageError */
export async function readConfig(path: string): Promise<Config> {
  const config = parseConfig(await readText(path, 'the configuration file'), path);
  const absolute = (file: string): string => resolve(dirname(path), file);
  return {
    ...config,
    ...(config.table === undefined ? {} : { table: config.table.map((spec) => withPath(spec, absolute)) }),
    ...(config.tables === undefined ? {} : { tables: absolute(config.tables) }),
    ...(config.data === undefined ? {} : { data: absolute(config.data) }),
    ...(config['secret-file'] === undefined ? {} : { 'secret-file': absolute(config['secret-file']) }),
    ...(config['pg-users'] === undefined ? {} : { 'pg-users': absolute(config['pg-users']) }),
  };
}

function withPath(spec: string, absolute: (file: string) => string): string {
  const [, name = '', path = ''] = /^(?:([^=/]*)=)?(.*)$/s.exec(spec) ?? [];
  return name === '' ? absolute(path) : `${name}=${absolute(path)}`;
}

export function parseConfig(text: string, path: string): Config {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`the configuration file ${path} is not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError(`the configuration file ${path} is not a JSON object`);
  }
  for (const key of Object.keys(value)) {
    if (Object.hasOwn(keys, key)) continue;
    const near = suggest(key, Object.keys(keys));
    const hint = near === null ? `known keys: ${Object.keys(keys).join(', ')}` : `did you mean "${near}"?`;
    throw new UsageError(`the configuration file ${path} has an unknown key "${key}"`, hint);
  }
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UsageError(`the configuration file ${path} is wrong at "${issue?.path.join('.')}": ${issue?.message}`);
}
