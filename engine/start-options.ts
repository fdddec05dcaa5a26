import { z } from 'zod';
import { QueryError } from '../columnar/index.ts';
import { type Address, type GeometryName, geometries, replicasMax } from '../overlay/index.ts';
import { didYouMean } from '../planner/index.ts';
import type { Log } from './log.ts';
import type { TableSource } from './table.ts';

export interface StartOptions {
  /** `host:port`; port 0 takes any free one. */
  readonly listen?: string;
  /** `host:port` at which others reach this node, if it is not where it listens: behind a translation of addresses, or in a container. */
  readonly advertise?: string;
  /** Members to join through; none: this node founds a fleet. */
  readonly join?: readonly Address[];
  /** Nodes of different clusters do not talk to each other. */
  readonly cluster?: string;
  /** Copies that the fleet keeps of everything, 1 to `replicasMax`; nodes with another number are refused. */
  readonly replicas?: number;
  /** Who owns a key and how routes run; nodes of another geometry are refused. */
  readonly geometry?: GeometryName;
  /** Shared by all members; `null`: none. */
  readonly secret?: string | null;
  readonly tables?: readonly TableSource[];
  readonly label?: string;
  /** Bytes of objects that this node keeps for the fleet, shared fairly among those who write them; without limit by default. */
  readonly storageBytesMax?: number;
  /** Directory in which the node keeps its state; none: it forgets everything. One node at a time. */
  readonly data?: string;
  readonly log?: Log;
}

/** The largest value fits several times. */
export const storageBytesMin: number = 16 * 1024 * 1024;

const aLog = z.custom<Log>(
  (log) => ['info', 'warn', 'error'].every((level) => typeof (log as Log | null)?.[level as keyof Log] === 'function'),
  'expected functions info, warn and error',
);

/** What programs without types may get wrong. */
const shapes = {
  listen: z.string().optional(),
  advertise: z.string().optional(),
  join: z.array(z.string()).optional(),
  cluster: z.string().min(1).optional(),
  replicas: z.int().min(1).max(replicasMax).optional(),
  geometry: z.enum(geometries).optional(),
  secret: z.string().min(1).nullable().optional(),
  tables: z
    .array(z.looseObject({ name: z.string(), schema: z.looseObject({ fields: z.array(z.unknown()) }) }))
    .optional(),
  label: z.string().optional(),
  storageBytesMax: z.number().min(storageBytesMin).or(z.literal(Number.POSITIVE_INFINITY)).optional(),
  data: z.string().min(1).optional(),
  log: aLog.optional(),
} satisfies Record<keyof StartOptions, z.ZodType>;

/** @throws QueryError `configuration` */
export function checkStartOptions(options: unknown): void {
  const [issue] = z.strictObject(shapes).safeParse(options).error?.issues ?? [];
  if (!issue) return;
  if (issue.code === 'unrecognized_keys') {
    const [strange = ''] = issue.keys;
    const known = Object.keys(shapes);
    throw new QueryError('configuration', `a node has no option "${strange}"`, {
      hint: didYouMean(strange, known) ?? `There are: ${known.join(', ')}.`,
    });
  }
  const where = issue.path.length === 0 ? 'the options' : `the option "${issue.path.join('.')}"`;
  throw new QueryError('configuration', `${where} of a node: ${issue.message}`);
}
