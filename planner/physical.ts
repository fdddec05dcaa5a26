import type { Schema } from '../columnar/index.ts';
import type { TableDefinition } from './catalog.ts';
import { disseminate } from './dissemination.ts';
import { column, moveColumns, replaceColumns } from './expressions.ts';
import { deepFreeze } from './freeze.ts';
import { joinKeys } from './join-keys.ts';
import { columnType, composes, type Logical, type LogicalOf } from './logical.ts';
import { columnsAt, filter, fold, partial, receive, topK } from './nodes.ts';
import type { Exchange, Expression, OpGraph, PhysicalPlan, PlanNode, Retention, SortKey } from './plan.ts';
import { planVersion } from './plan.ts';
import { assignWaves, countWaves } from './waves.ts';

/** How groups come together: at the owners of their keys (many groups), or up the tree to the proxy (few). */
export type GroupPath = 'hash' | 'tree';

/** Decides where each step runs and how rows travel between steps. The plan is frozen. */
export function physicalPlan(plan: Logical, groupPath: GroupPath): PhysicalPlan {
  const opgraphs = assignWaves(new PhysicalBuilder(groupPath).build(plan));
  return deepFreeze({
    version: planVersion,
    opgraphs,
    waves: countWaves(opgraphs),
    dissemination: disseminate(plan),
    schema: plan.schema,
  });
}

/** An opgraph that still grows upwards. */
interface Stream {
  readonly at: OpGraph['at'];
  readonly root: PlanNode;
}

type Transport =
  | { readonly kind: 'hash'; readonly keys: readonly number[] }
  | { readonly kind: 'tree'; readonly merge: (input: PlanNode) => PlanNode }
  | { readonly kind: 'gather' };

class PhysicalBuilder {
  readonly #groupPath: GroupPath;
  readonly #opgraphs: OpGraph[] = [];

  constructor(groupPath: GroupPath) {
    this.#groupPath = groupPath;
  }

  build(plan: Logical): readonly OpGraph[] {
    const answer = this.#gathered(this.#stream(plan));
    return [...this.#opgraphs, { id: this.#opgraphs.length, at: 'proxy', root: answer.root, output: null }];
  }

  #stream(node: Logical): Stream {
    switch (node.kind) {
      case 'scan': {
        const { table, columns, predicate, schema } = node;
        const { name, source, distributed } = table;
        const namespace = distributed?.namespace ?? null;
        const retention = distributed && retentionOf(distributed);
        const scan = { kind: 'scan', table: name, source, namespace, retention, columns, predicate, schema } as const;
        return { at: 'sources', root: scan };
      }
      case 'values':
        return { at: 'proxy', root: { kind: 'values', rows: node.rows, schema: node.schema } };
      case 'filter': {
        const { at, root } = this.#stream(node.input);
        return { at, root: filter(root, node.predicate) };
      }
      case 'project': {
        const { at, root } = this.#stream(node.input);
        return { at, root: projection(root, node.expressions, node.schema) };
      }
      case 'join':
        return this.#join(node);
      case 'aggregate':
        return this.#aggregate(node);
      case 'topK':
        return this.#topK(node);
      case 'union':
        return this.#union(node);
    }
  }

  /** Ends an opgraph: its rows leave by `transport` and arrive as the start of another. */
  #send({ at, root }: Stream, transport: Transport): Stream {
    const id = this.#opgraphs.length;
    const base = { id, schema: root.schema, wave: 0 };
    const start = { kind: 'receive', exchange: id, schema: root.schema } as const;
    const output: Exchange =
      transport.kind === 'tree' ? { ...base, kind: 'tree', merge: transport.merge(start) } : { ...base, ...transport };
    this.#opgraphs.push({ id, at, root, output });
    return { at: transport.kind === 'hash' ? 'rendezvous' : 'proxy', root: receive(output) };
  }

  #gathered(stream: Stream): Stream {
    return stream.at === 'proxy' ? stream : this.#send(stream, { kind: 'gather' });
  }

  /**
   * Equal keys meet at their rendezvous node. Without keys, or when both sides are at the proxy already, the
   * rows meet there.
   */
  #join(node: LogicalOf<'join'>): Stream {
    const keys = joinKeys(node.condition, node.left.schema.fields.length);
    const left = withColumns(this.#stream(node.left), keys.left);
    const right = withColumns(this.#stream(node.right), keys.right);
    const local = keys.left.length === 0 || (left.stream.at === 'proxy' && right.stream.at === 'proxy');
    const sides = [left, right].map(({ stream, positions }) => {
      return local ? this.#gathered(stream) : this.#send(stream, { kind: 'hash', keys: positions });
    }) as [Stream, Stream];
    return {
      at: local ? 'proxy' : 'rendezvous',
      root: joinNode(node, sides, left.positions, right.positions, keys.residual),
    };
  }

  #aggregate({ input, keys, aggregates, schema }: LogicalOf<'aggregate'>): Stream {
    const { at, root } = this.#stream(input);
    const states = { at, root: partial(root, keys, aggregates) };
    const final = (source: Stream): Stream => {
      return { at: source.at, root: fold('final', source.root, keys.length, aggregates, schema) };
    };
    if (at === 'proxy') return final(states);
    if (keys.length > 0 && this.#groupPath === 'hash') {
      return final(this.#send(states, { kind: 'hash', keys: [...keys.keys()] }));
    }
    const merge = (source: PlanNode) => fold('merge', source, keys.length, aggregates, source.schema);
    return final(this.#send(states, { kind: 'tree', merge }));
  }

  /** A limited part is chosen at every producer and every step up the tree; only the proxy knows what to skip. */
  #topK({ input, keys, limit, offset }: LogicalOf<'topK'>): Stream {
    const stream = this.#stream(input);
    if (stream.at === 'proxy') return { at: 'proxy', root: topK(stream.root, keys, limit, offset) };
    if (limit === null) return { at: 'proxy', root: topK(this.#gathered(stream).root, keys, null, offset) };
    const rowsMax = Math.min(limit + offset, Number.MAX_SAFE_INTEGER);
    const first = (source: PlanNode, order: readonly SortKey[]) => topK(source, order, rowsMax, 0);
    const producers = { at: stream.at, root: first(stream.root, keys) };
    const top = this.#send(producers, { kind: 'tree', merge: (source) => first(source, keys) });
    return { at: 'proxy', root: topK(top.root, keys, limit, offset) };
  }

  /** Inputs that run at the same place stay there; others meet at the proxy. */
  #union({ inputs, schema }: LogicalOf<'union'>): Stream {
    const streams = inputs.map((input) => this.#stream(input));
    const at = (streams[0] as Stream).at;
    const together = streams.every((stream) => stream.at === at);
    const sources = together ? streams : streams.map((stream) => this.#gathered(stream));
    const root: PlanNode = { kind: 'union', inputs: sources.map(({ root: input }) => input), schema };
    return { at: together ? at : 'proxy', root };
  }
}

/** A join's computed keys leave a projection behind, which the next one may absorb. */
function projection(input: PlanNode, expressions: readonly Expression[], schema: Schema): PlanNode {
  if (input.kind !== 'project' || !composes(expressions, input.expressions)) {
    return { kind: 'project', input, expressions, schema };
  }
  const merged = expressions.map((part) => replaceColumns(part, (index) => input.expressions[index] as Expression));
  return { kind: 'project', input: input.input, expressions: merged, schema };
}

/** Makes every expression a column: those that are not yet go behind the others. */
function withColumns(
  stream: Stream,
  expressions: readonly Expression[],
): { readonly stream: Stream; readonly positions: number[] } {
  const { at, root } = stream;
  const { fields } = root.schema;
  const computed: Expression[] = [];
  const positions = expressions.map((expression) =>
    expression.kind === 'column' ? expression.index : fields.length + computed.push(expression) - 1,
  );
  if (computed.length === 0) return { stream, positions };
  const kept = columnsAt(root.schema, [...fields.keys()]);
  const keyFields = computed.map(({ type }, index) => ({ name: `key${index + 1}`, type }));
  const schema: Schema = { fields: [...fields, ...keyFields] };
  return { stream: { at, root: projection(root, [...kept, ...computed], schema) }, positions };
}

/** The join of two sides that may carry computed key columns, which do not leave it. */
function joinNode(
  node: LogicalOf<'join'>,
  [left, right]: readonly [Stream, Stream],
  leftKeys: readonly number[],
  rightKeys: readonly number[],
  residual: Expression | null,
): PlanNode {
  const leftWidth = node.left.schema.fields.length;
  const extra = left.root.schema.fields.length - leftWidth;
  const position = (index: number) => (index < leftWidth ? index : index + extra);
  const schema = { fields: [...left.root.schema.fields, ...right.root.schema.fields] };
  const join: PlanNode = {
    kind: 'join',
    type: node.type,
    left: left.root,
    right: right.root,
    leftKeys,
    rightKeys,
    residual: residual && moveColumns(residual, position),
    schema,
  };
  if (schema.fields.length === node.schema.fields.length) return join;
  const expressions = node.schema.fields.map((_, index) => column(position(index), columnType(node.schema, index)));
  return { kind: 'project', input: join, expressions, schema: node.schema };
}

function retentionOf({ createdAtMs, lifetimeMs }: NonNullable<TableDefinition['distributed']>): Retention {
  return { createdAtMs, lifetimeMs: lifetimeMs === null ? null : Math.ceil(lifetimeMs) };
}
