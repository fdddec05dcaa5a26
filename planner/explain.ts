import type { Schema } from '../columnar/index.ts';
import { aggregateSql, columnName, expressionSql, identifier, sortKeySql } from './explain-expression.ts';
import { inputsOf, type PlanNodeOf } from './nodes.ts';
import type { Exchange, OpGraph, PhysicalPlan, PlanNode } from './plan.ts';

/**
 * A plan for people: one line an operator, each indented below the one it feeds; `receive` lines continue with the
 * opgraph that sends to them, so the whole plan is one tree from the answer down to the rows.
 */
export function explainPlan(plan: PhysicalPlan): string[] {
  return new Explainer(plan).lines();
}

class Explainer {
  readonly #plan: PhysicalPlan;
  readonly #lines: string[] = [];

  constructor(plan: PhysicalPlan) {
    this.#plan = plan;
  }

  lines(): string[] {
    const { opgraphs, waves } = this.#plan;
    this.#line(0, `${counted(opgraphs.length, 'opgraph')}, ${counted(waves, 'wave')}, ${this.#reach()}`);
    this.#opgraph(opgraphs.at(-1) as OpGraph, 0);
    return this.#lines;
  }

  #line(depth: number, text: string): void {
    this.#lines.push('  '.repeat(depth) + text);
  }

  #reach(): string {
    const { dissemination } = this.#plan;
    switch (dissemination.kind) {
      case 'all':
        return 'sent to every node';
      case 'key':
        return `sent to the owner of key ${dissemination.key}`;
      case 'none':
        return 'sent to no other node';
    }
  }

  #opgraph({ id, at, root }: OpGraph, depth: number): void {
    this.#line(depth, `opgraph ${id} at ${this.#place(at)}`);
    this.#node(root, depth + 1);
  }

  #place(at: OpGraph['at']): string {
    switch (at) {
      case 'sources':
        return this.#plan.dissemination.kind === 'key' ? 'the owner' : 'every node';
      case 'rendezvous':
        return 'the rendezvous nodes';
      case 'proxy':
        return 'the proxy';
    }
  }

  #node(node: PlanNode, depth: number): void {
    if (node.kind === 'receive') {
      const producer = this.#producer(node.exchange);
      this.#line(depth, this.#exchange(producer.output));
      this.#opgraph(producer, depth + 1);
      return;
    }
    this.#line(depth, this.#describe(node));
    for (const input of inputsOf(node)) this.#node(input, depth + 1);
  }

  #producer(exchange: number): OpGraph & { readonly output: Exchange } {
    const producer = this.#plan.opgraphs.find(({ output }) => output?.id === exchange);
    if (producer?.output == null) throw new Error(`no opgraph sends to exchange ${exchange}`);
    return { ...producer, output: producer.output };
  }

  #exchange(exchange: Exchange): string {
    const head = `receive exchange ${exchange.id}, wave ${exchange.wave}:`;
    switch (exchange.kind) {
      case 'gather':
        return `${head} straight to the proxy`;
      case 'hash':
        return `${head} hashed by ${exchange.keys.map((key) => columnName(exchange.schema, key)).join(', ')}`;
      case 'tree':
        return `${head} up the tree, at each hop ${this.#describe(exchange.merge)}`;
    }
  }

  #describe(node: PlanNode): string {
    switch (node.kind) {
      case 'scan':
        return describeScan(node);
      case 'values':
        return `values: ${counted(node.rows.length, 'row')} of ${names(node.schema)}`;
      case 'receive':
        return `receive exchange ${node.exchange}`;
      case 'filter':
        return `filter ${expressionSql(node.predicate, node.input.schema)}`;
      case 'project':
        return `project ${describeProjection(node)}`;
      case 'join':
        return describeJoin(node);
      case 'aggregate':
        return this.#describeAggregate(node);
      case 'topK':
        return describeTopK(node);
      case 'union':
        return 'union all';
    }
  }

  #describeAggregate(node: PlanNodeOf<'aggregate'>): string {
    const { mode, keys, aggregates, input } = node;
    const rows = this.#aggregatedRows(node);
    const calls = aggregates.map((aggregate) => aggregateSql(aggregate, rows)).join(', ');
    const by = keys.length === 0 ? '' : ` by ${keys.map((key) => columnName(input.schema, key)).join(', ')}`;
    return calls === '' ? `${mode} distinct${by}` : `${mode} aggregate${by}: ${calls}`;
  }

  /** The rows that the arguments of a `merge` or `final` aggregate refer to: those its `partial` stage saw. */
  #aggregatedRows(node: PlanNode): Schema | null {
    switch (node.kind) {
      case 'aggregate':
        return node.mode === 'partial' ? node.input.schema : this.#aggregatedRows(node.input);
      case 'receive':
        return this.#aggregatedRows(this.#producer(node.exchange).root);
      default:
        return null;
    }
  }
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function names({ fields }: Schema): string {
  return fields.length === 0 ? 'no columns' : fields.map(({ name }) => identifier(name)).join(', ');
}

function describeScan({ table, source, schema, predicate }: PlanNodeOf<'scan'>): string {
  const where = predicate === null ? '' : ` where ${expressionSql(predicate, schema)}`;
  return `scan ${source} table ${table}: ${names(schema)}${where}`;
}

function describeProjection({ expressions, input, schema }: PlanNodeOf<'project'>): string {
  if (expressions.length === 0) return 'no columns';
  const columns = expressions.map((expression, index) => {
    const sql = expressionSql(expression, input.schema);
    const name = identifier(schema.fields[index]?.name ?? '');
    return sql === name ? sql : `${sql} AS ${name}`;
  });
  return columns.join(', ');
}

function describeJoin({ type, left, right, leftKeys, rightKeys, residual, schema }: PlanNodeOf<'join'>): string {
  const keys = leftKeys.map((key, index) => {
    return `${columnName(left.schema, key)} = ${columnName(right.schema, rightKeys[index] as number)}`;
  });
  const on = keys.length === 0 ? 'without keys' : `on ${keys.join(' AND ')}`;
  return `${type} join ${on}${residual === null ? '' : ` where ${expressionSql(residual, schema)}`}`;
}

function describeTopK({ input, keys, limit, offset }: PlanNodeOf<'topK'>): string {
  const order = keys.length === 0 ? '' : ` by ${keys.map((key) => sortKeySql(key, input.schema)).join(', ')}`;
  const skipped = offset === 0 ? '' : ` after ${offset}`;
  if (limit !== null) return `first ${limit}${skipped}${order}`;
  return keys.length === 0 ? `all${skipped}` : `sort${order}${skipped}`;
}
