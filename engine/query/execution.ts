import assert from 'node:assert/strict';
import { type Batch, batchFromRows, decodeBatch, QueryError, sliceBatch } from '../../columnar/index.ts';
import { buildOpGraph, type Operator, type RunningOpGraph } from '../../operators/index.ts';
import { type Contact, type Overlay, type Region, RegionSet, type Runtime } from '../../overlay/index.ts';
import { type Exchange, nodesOf, type OpGraph, type PhysicalPlan, type PlanNode } from '../../planner/index.ts';
import type { Engagement } from './engagement.ts';
import { alwaysReady, type Downstream, ExchangeOutput } from './exchange.ts';
import { QueryMemory } from './memory.ts';
import type { QueryId, QueryMessage } from './messages.ts';
import { Outbox } from './outbox.ts';
import { type Report, ReportBuilder } from './report.ts';
import { Turns, turnMs } from './turns.ts';

/** Outputs are flushed and quiet is checked this long after the last input, so that small batches grow together. */
const settleDelayMs = 1;

export type ScanNode = Extract<PlanNode, { kind: 'scan' }>;

/** What an execution needs of its node. */
export interface ExecutionHost {
  readonly overlay: Overlay;
  readonly runtime: Runtime;
  send(to: Contact, message: QueryMessage): void;
  /** A number that this node has given to no delegation before, so that late news of an old one finds nothing. */
  nextDelegation(): number;
  /**
   * Rows of a table at this node: of a distributed table those in `regions`, of a local one all if `own`.
   * A QueryError with code `file` costs this node's rows; any other error fails the query.
   */
  scan(node: ScanNode, regions: readonly Region[], own: boolean, signal: AbortSignal): AsyncIterable<Batch>;
}

/** One query as this node knows it. */
export interface QueryInfo {
  readonly id: QueryId;
  readonly sql: string;
  readonly plan: PhysicalPlan;
  readonly planBytes: Uint8Array;
  readonly proxy: Contact;
  readonly rendezvous: readonly Contact[];
  readonly deadlineAtMs: number;
  /** Bytes that the operators of one epoch may hold at this node. */
  readonly memoryBytesMax: number;
}

/** Gives the sender its credit back; `lost` when the rows, or what followed from them, went astray. */
export type Settle = (lost: boolean) => void;

interface Received {
  readonly batch: Batch;
  /** `null`: from this node itself. */
  readonly settle: Settle | null;
  /** Of rows from this node itself: gives their room in its outbox back. */
  readonly taken: (() => void) | null;
}

interface Waiting extends Received {
  /** Rows of the batch that the operators were given. */
  rowsDone: number;
}

/** The reading end of an exchange at this node. */
interface Inlet {
  readonly input: Operator;
  /** Where the operators behind it write: while that is congested, rows wait here. */
  readonly output: Downstream;
  readonly waiting: Waiting[];
  /** Its wave is over: rows that come after all were counted as lost by whoever sent them. */
  isComplete: boolean;
}

/**
 * One epoch of one query at one node: the engagements that asked for it, the operators behind exchanges,
 * and the account of what is still on its way. Termination is Dijkstra and Scholten's: while an
 * engagement is active, batches are settled as soon as they are processed; afterwards the batch that
 * wakes the node is settled only when everything it caused has been.
 */
export class Execution {
  readonly query: QueryInfo;
  readonly epoch: number;
  readonly host: ExecutionHost;
  readonly memory: QueryMemory;
  readonly exchanges: readonly Exchange[];
  /** All rows travel inside echoes, so that a lost subtree can be asked for again. */
  readonly treeOnly: boolean;
  /** Scans whose rows are kept by several nodes. */
  readonly distributedScans: readonly ScanNode[];
  readonly engagements = new Map<string, Engagement>();
  readonly #report = new ReportBuilder();
  readonly #outputs = new Map<number, ExchangeOutput>();
  readonly #inlets = new Map<number, Inlet>();
  readonly #claimed = new RegionSet();
  readonly #abort = new AbortController();
  readonly #results: Downstream | null;
  readonly #failed: (error: unknown) => void;
  readonly #turns: Turns;
  #wokenBy: Settle | null = null;
  #wave = 0;
  #settling = false;

  constructor(
    host: ExecutionHost,
    query: QueryInfo,
    epoch: number,
    results: Downstream | null,
    failed: (error: unknown) => void,
  ) {
    this.host = host;
    this.memory = new QueryMemory(query.memoryBytesMax, host.overlay.self.address);
    this.query = query;
    this.epoch = epoch;
    this.#results = results;
    this.#failed = failed;
    this.#turns = new Turns(host.runtime);
    this.exchanges = query.plan.opgraphs.flatMap((graph) => (graph.output === null ? [] : [graph.output]));
    this.treeOnly = this.exchanges.every((exchange) => exchange.kind === 'tree');
    this.distributedScans = query.plan.opgraphs.flatMap(({ root }) => [...nodesOf(root)].filter(isDistributedScan));
    if (results !== null) this.#buildGraphs('proxy');
    if (query.rendezvous.some((contact) => contact.id === host.overlay.self.id)) this.#buildGraphs('rendezvous');
  }

  get plan(): PhysicalPlan {
    return this.query.plan;
  }

  get closed(): boolean {
    return this.#abort.signal.aborted;
  }

  /** True when nothing that this node sent or received is still to be dealt with. */
  get quiet(): boolean {
    for (const inlet of this.#inlets.values()) if (inlet.waiting.length > 0) return false;
    for (const output of this.#outputs.values()) if (!output.quiet) return false;
    return true;
  }

  /** False when part of `regions` was scanned before in this execution. Partials of dead parents do not count. */
  claim(regions: RegionSet): boolean {
    if (this.treeOnly) return true;
    if (!this.#claimed.intersect(regions).isEmpty) return false;
    this.#claimed.addAll(regions);
    return true;
  }

  /** What this node itself has to report since the last time. */
  takeReport(): Report {
    return this.#report.take();
  }

  outputFor(exchange: Exchange, engagement: Engagement | null): Downstream {
    if (exchange.kind === 'tree') {
      return engagement === null ? this.#primaryMerge(exchange.id) : engagement.mergeInput(exchange.id);
    }
    const known = this.#outputs.get(exchange.id);
    if (known !== undefined) return known;
    const created = new ExchangeOutput(
      exchange.kind === 'hash' ? exchange : { ...exchange, keys: [] },
      exchange.kind === 'hash' ? this.query.rendezvous : [this.query.proxy],
      this.host.overlay.self.id,
      this.#outbox(exchange.id),
      (batch, taken) => this.#take(exchange.id, { batch, settle: null, taken }),
    );
    this.#outputs.set(exchange.id, created);
    return created;
  }

  /** Rows from another node. `settle` gives the sender its credit back and tells it that they are dealt with. */
  receive(exchangeId: number, bytes: Uint8Array, settle: Settle): void {
    const exchange = this.exchanges.find((candidate) => candidate.id === exchangeId);
    if (exchange === undefined || exchange.kind === 'tree')
      throw new QueryError('protocol', `no exchange ${exchangeId}`);
    this.#take(exchangeId, { batch: decodeBatch(exchange.schema, bytes), settle, taken: null });
    this.settleSoon();
  }

  settled(from: Contact, exchange: number, sequence: number, lost: boolean): void {
    this.#outputs.get(exchange)?.outbox.settled(from, sequence, lost);
  }

  /** Starts wave `wave` here: exchanges that ended with the one before are complete. */
  advance(wave: number): void {
    if (wave !== this.#wave + 1) return;
    this.#wave = wave;
    this.completeInputs(wave - 1);
    this.settleSoon();
  }

  completeInputs(wave: number): void {
    for (const exchange of this.exchanges) {
      const inlet = this.#inlets.get(exchange.id);
      if (exchange.wave !== wave || inlet === undefined) continue;
      inlet.isComplete = true;
      this.attempt(() => inlet.input.complete());
    }
  }

  /** Rows of a tree exchange that arrived at the proxy. */
  pushAtProxy(exchangeId: number, bytes: Uint8Array): void {
    if (this.closed) return;
    const exchange = this.exchanges.find((candidate) => candidate.id === exchangeId);
    const inlet = this.#inlets.get(exchangeId);
    assert(exchange !== undefined && inlet !== undefined, `no opgraph reads exchange ${exchangeId}`);
    this.attempt(() => inlet.input.push(decodeBatch(exchange.schema, bytes)));
  }

  /** Flushes and looks for quiet, once, shortly. */
  settleSoon(): void {
    if (this.#settling || this.closed) return;
    this.#settling = true;
    this.host.runtime.after(settleDelayMs, () => {
      this.#settling = false;
      if (!this.closed) this.#settle();
    });
  }

  /**
   * Reads a scan to its end into `input`, pausing while destinations are behind.
   * @returns why this node's rows are missing, or `null`
   */
  async pump(
    node: ScanNode,
    input: Operator,
    output: Downstream,
    regions: readonly Region[],
    own: boolean,
  ): Promise<string | null> {
    const { runtime, overlay } = this.host;
    let failure: string | null = null;
    try {
      let turnAt = runtime.now() + turnMs;
      for await (const batch of this.host.scan(node, regions, own, this.#abort.signal)) {
        if (this.closed) return null;
        input.push(batch);
        if (output.congested) await output.drained();
        if (runtime.now() >= turnAt) {
          await new Promise<void>((resolve) => runtime.after(0, resolve));
          turnAt = runtime.now() + turnMs;
        }
      }
    } catch (error) {
      if (!(error instanceof QueryError && error.code === 'file')) {
        this.fail(error);
        return null;
      }
      failure = `node ${overlay.self.address} could not read ${node.table}: ${error.message}`;
    }
    if (!this.closed) this.attempt(() => input.complete());
    return failure;
  }

  /** Runs operator code; an error in it ends the query. */
  attempt(run: () => void): boolean {
    try {
      run();
      return true;
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  fail(error: unknown): void {
    if (!this.closed) this.#failed(error);
  }

  /** Ends this node's part on its own account: whoever waits for it is told. */
  drop(): void {
    for (const engagement of this.engagements.values()) engagement.drop();
    this.close();
  }

  close(): void {
    if (this.closed) return;
    this.#abort.abort();
    // Whoever sent rows that were not dealt with may live on, and must not wait for them.
    this.#wokenBy?.(true);
    for (const inlet of this.#inlets.values()) for (const { settle } of inlet.waiting) settle?.(true);
    for (const engagement of this.engagements.values()) engagement.close();
    this.engagements.clear();
    for (const output of this.#outputs.values()) output.outbox.close();
    this.#inlets.clear();
    this.#outputs.clear();
  }

  #buildGraphs(at: 'rendezvous' | 'proxy'): void {
    for (const graph of this.plan.opgraphs) {
      if (graph.at !== at) continue;
      const output = this.#graphOutput(graph);
      const running = buildOpGraph(graph.root, output, { memory: this.memory });
      for (const { node, input } of running.inputs) {
        if (node.kind === 'receive') this.#inlets.set(node.exchange, { input, output, waiting: [], isComplete: false });
      }
      if (at === 'proxy') this.#runValues(running);
    }
  }

  #graphOutput(graph: OpGraph): Downstream {
    if (graph.output !== null) return this.outputFor(graph.output, null);
    assert(this.#results !== null, 'only the proxy has the answer');
    return this.#results;
  }

  /** Literal rows are produced as soon as the wave can begin. */
  #runValues(running: RunningOpGraph): void {
    for (const { node, input } of running.inputs) {
      if (node.kind !== 'values') continue;
      this.host.runtime.after(0, () => {
        if (this.closed) return;
        this.attempt(() => {
          input.push(batchFromRows(node.schema, node.rows));
          input.complete();
        });
        this.settleSoon();
      });
    }
  }

  #primaryMerge(exchange: number): Downstream {
    return alwaysReady((batch) => {
      const engagements = [...this.engagements.values()];
      const engagement = engagements.find((candidate) => candidate.primary) ?? engagements[0];
      if (engagement === undefined) this.#report.batchesLost(1, 'rows arrived at a node that nobody asked');
      else engagement.mergeInput(exchange).push(batch);
    });
  }

  #outbox(exchange: number): Outbox {
    const { host, query, epoch } = this;
    return new Outbox(
      host.overlay,
      (to, sequence, batch) => host.send(to, { type: 'batch', query: query.id, epoch, exchange, sequence, batch }),
      this.#report,
      () => this.settleSoon(),
    );
  }

  #take(exchange: number, received: Received): void {
    const inlet = this.#inlets.get(exchange);
    if (inlet === undefined || inlet.isComplete) {
      if (received.settle === null) this.#report.batchesLost(1, 'rows were left over when their exchange was complete');
      received.settle?.(true);
      received.taken?.();
      return;
    }
    inlet.waiting.push({ ...received, rowsDone: 0 });
    if (inlet.waiting.length === 1) this.#work(inlet);
  }

  /** Works on what waits until the turn is over or the output congested. Returns whether it did anything. */
  #work(inlet: Inlet): boolean {
    let worked = false;
    for (;;) {
      const [next] = inlet.waiting;
      if (next === undefined || inlet.output.congested || this.closed) return worked;
      if (this.#turns.isOver) {
        this.settleSoon();
        return worked;
      }
      worked = true;
      const outcome = this.#process(inlet, next);
      if (outcome === 'more') continue;
      inlet.waiting.shift();
      next.taken?.();
      if (outcome === 'done') this.#processed(next);
    }
  }

  /** Gives the operators some of the rows. `failed`: they could not work on them, and the query ends. */
  #process(inlet: Inlet, waiting: Waiting): 'more' | 'done' | 'failed' {
    const { batch, rowsDone } = waiting;
    const end = Math.min(batch.numRows, rowsDone + this.#turns.rows);
    const part = rowsDone === 0 && end === batch.numRows ? batch : sliceBatch(batch, rowsDone, end);
    let isTaken = false;
    this.#turns.run(() => {
      isTaken = this.attempt(() => inlet.input.push(part));
    });
    if (!isTaken) return 'failed';
    waiting.rowsDone = end;
    return end === batch.numRows ? 'done' : 'more';
  }

  #processed({ settle }: Received): void {
    if (settle === null) return;
    const active = [...this.engagements.values()].some((engagement) => engagement.active);
    if (active || this.#wokenBy !== null) settle(false);
    else this.#wokenBy = settle;
  }

  #settle(): void {
    // Rows flushed to this very node may fill other outputs: go on until none holds any.
    let moved = true;
    while (moved && !this.closed) {
      moved = false;
      for (const inlet of this.#inlets.values()) if (this.#work(inlet)) moved = true;
      for (const output of this.#outputs.values()) {
        if (output.empty) continue;
        this.attempt(() => output.flush());
        moved = true;
      }
    }
    if (this.closed) return;
    if (this.quiet && this.#wokenBy !== null) {
      const settle = this.#wokenBy;
      this.#wokenBy = null;
      settle(this.#report.take().batchesLost > 0);
    }
    for (const engagement of [...this.engagements.values()]) this.attempt(() => engagement.echoIfDone());
  }
}

function isDistributedScan(node: PlanNode): node is ScanNode {
  return node.kind === 'scan' && node.source === 'distributed';
}
