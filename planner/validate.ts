import { QueryError } from '../columnar/index.ts';
import { deepFreeze } from './freeze.ts';
import { nodesOf } from './nodes.ts';
import type { Exchange, OpGraph, PhysicalPlan, PlanNode } from './plan.ts';
import { planVersion } from './plan.ts';
import { Budget } from './validate-expression.ts';
import { readNode, typesOf } from './validate-node.ts';
import {
  invalid,
  readArray,
  readCount,
  readOneOf,
  readPositions,
  readRecord,
  readSchema,
  readText,
  requireTypes,
} from './validate-value.ts';
import { assignWaves, countWaves } from './waves.ts';

const opgraphsMax = 1_000;
const wavesMax = 1_000;

/**
 * Everything a peer could get wrong in a plan, on purpose or not. What comes back is built anew from what was
 * checked, and frozen.
 * @throws QueryError protocol, never anything else
 */
export function validatePlan(raw: unknown): PhysicalPlan {
  try {
    return deepFreeze(readPlan(raw));
  } catch (error) {
    if (error instanceof QueryError && error.code === 'protocol') throw error;
    throw new QueryError('protocol', 'invalid plan: it cannot be read', { cause: error });
  }
}

function readPlan(raw: unknown): PhysicalPlan {
  const record = readRecord(raw, 'plan');
  if (record['version'] !== planVersion) invalid(`version ${String(record['version'])}, not ${planVersion}`);
  const budget = new Budget();
  const opgraphs = readArray(record['opgraphs'], 'opgraphs', opgraphsMax).map((opgraph) =>
    readOpGraph(opgraph, budget),
  );
  const schema = readSchema(record['schema']);
  requireWiring(opgraphs);
  requireWaves(opgraphs, readCount(record['waves'], 'waves', wavesMax));
  const answer = opgraphs.at(-1) as OpGraph;
  requireTypes(schema, typesOf(answer.root.schema), 'answer');
  const dissemination = readDissemination(record['dissemination']);
  const scans = opgraphs.some(({ at }) => at === 'sources');
  if (scans === (dissemination.kind === 'none')) invalid('dissemination does not fit the scans');
  return { version: planVersion, opgraphs, waves: countWaves(opgraphs), dissemination, schema };
}

function readOpGraph(raw: unknown, budget: Budget): OpGraph {
  const record = readRecord(raw, 'opgraph');
  const root = readNode(record['root'], budget);
  const at = readOneOf(record['at'], ['sources', 'rendezvous', 'proxy'], 'place');
  const output = record['output'] === null ? null : readExchange(record['output'], root, budget);
  return { id: readCount(record['id'], 'opgraph id', Number.MAX_SAFE_INTEGER), at, root, output };
}

function readExchange(raw: unknown, root: PlanNode, budget: Budget): Exchange {
  const record = readRecord(raw, 'exchange');
  const schema = readSchema(record['schema']);
  requireTypes(schema, typesOf(root.schema), 'exchange');
  const id = readCount(record['id'], 'exchange id', Number.MAX_SAFE_INTEGER);
  const wave = readCount(record['wave'], 'wave', wavesMax);
  const kind = readOneOf(record['kind'], ['hash', 'tree', 'gather'], 'exchange');
  switch (kind) {
    case 'gather':
      return { id, schema, wave, kind };
    case 'hash': {
      const keys = readPositions(record['keys'], 'exchange keys', schema.fields.length);
      return keys.length > 0 ? { id, schema, wave, kind, keys } : invalid('hash exchange without keys');
    }
    case 'tree':
      return { id, schema, wave, kind, merge: readMerge(record['merge'], { id, schema }, budget) };
  }
}

/** One operator, states to states or rows to fewer rows, over what this same exchange delivers. */
function readMerge(raw: unknown, { id, schema }: Pick<Exchange, 'id' | 'schema'>, budget: Budget): PlanNode {
  const merge = readNode(raw, budget);
  const folds = (merge.kind === 'aggregate' && merge.mode === 'merge') || (merge.kind === 'topK' && merge.offset === 0);
  if (!folds || merge.input.kind !== 'receive' || merge.input.exchange !== id)
    return invalid('merge does not fold its exchange');
  requireTypes(merge.input.schema, typesOf(schema), 'merge');
  requireTypes(merge.schema, typesOf(schema), 'merge');
  return merge;
}

/** Producers come before consumers; every exchange has one consumer, where its kind delivers; leaves stand where they run. */
function requireWiring(opgraphs: readonly OpGraph[]): void {
  const open = new Map<number, Exchange>();
  const exchangeIds = new Set<number>();
  const opgraphIds = new Set<number>();
  opgraphs.forEach(({ id, at, root, output }, index) => {
    if (opgraphIds.has(id)) invalid(`two opgraphs ${id}`);
    opgraphIds.add(id);
    requireLeaves(at, root, open);
    const isAnswer = index === opgraphs.length - 1;
    if (isAnswer !== (output === null) || (isAnswer && at !== 'proxy'))
      invalid('the last opgraph, at the proxy, gives the answer');
    if (output === null) return;
    if (at === 'proxy' && output.kind !== 'hash') invalid('the proxy sends rows to itself');
    if (exchangeIds.has(output.id)) invalid(`two exchanges ${output.id}`);
    exchangeIds.add(output.id);
    open.set(output.id, output);
  });
  if (opgraphs.length === 0) invalid('no opgraph');
  if (open.size > 0) invalid('an exchange has no consumer');
}

function requireLeaves(at: OpGraph['at'], root: PlanNode, open: Map<number, Exchange>): void {
  for (const node of nodesOf(root)) {
    if (node.kind === 'scan' && at !== 'sources') invalid('a scan stands only at sources');
    if (node.kind === 'values' && at !== 'proxy') invalid('literal rows stand only at the proxy');
    if (node.kind !== 'receive') continue;
    const exchange = open.get(node.exchange) ?? invalid(`nothing sends to exchange ${node.exchange}`);
    open.delete(node.exchange);
    if (at !== (exchange.kind === 'hash' ? 'rendezvous' : 'proxy'))
      invalid(`exchange ${exchange.id} does not deliver there`);
    requireTypes(node.schema, typesOf(exchange.schema), 'receive');
  }
}

function requireWaves(opgraphs: readonly OpGraph[], waves: number): void {
  const assigned = assignWaves(opgraphs);
  const same = opgraphs.every(({ output }, index) => output?.wave === assigned[index]?.output?.wave);
  if (!same || waves !== countWaves(opgraphs)) invalid('waves do not follow from the exchanges');
}

function readDissemination(raw: unknown): PhysicalPlan['dissemination'] {
  const record = readRecord(raw, 'dissemination');
  const kind = readOneOf(record['kind'], ['all', 'key', 'none'], 'dissemination');
  return kind === 'key' ? { kind, key: readText(record['key'], 'key') } : { kind };
}
