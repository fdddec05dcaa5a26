import type { Batch } from '../../columnar/index.ts';
import { batchBytes, decodeBatch, encodeBatch } from '../../columnar/index.ts';
import { buildOpGraph, type Operator } from '../../operators/index.ts';
import { type Contact, RegionSet } from '../../overlay/index.ts';
import type { Exchange } from '../../planner/index.ts';
import { alwaysReady, type Downstream } from './exchange.ts';
import type { Execution } from './execution.ts';
import type { MessageOf } from './messages.ts';
import { type Report, ReportBuilder } from './report.ts';
import { concerns } from './row-losses.ts';

/** Children a node delegates to; the depth of the tree is the logarithm of the fleet to this base. */
export const fanoutMax = 8;

/**
 * A dead member's rows are served by its neighbours as soon as they agree that it is dead: until then its region
 * is asked for again and again. Without distributed tables there is nothing to wait for, only others that
 * the dead member would have asked.
 */
const retries = { distributed: { timesMax: 12, delayMs: 500 }, local: { timesMax: 1, delayMs: 0 } } as const;

/** Levels of delegation; more means that nodes disagree about who owns a region and pass it around. */
const depthMax = 24;

/** A standing query has no deadline; its participants keep each epoch at most this long. */
const remainingMsMax = 24 * 60 * 60 * 1_000;

/** Rows of a tree exchange, encoded, with the exchange they belong to. */
export interface Partial {
  readonly exchange: number;
  readonly batch: Uint8Array;
}

/** Who asked, and is to be told. At the proxy the parent is the query itself. */
export interface Parent {
  /** The node to watch; `null` at the proxy. */
  readonly contact: Contact | null;
  echo(wave: number, report: Report, partials: readonly Partial[]): void;
  /** This node ends its part although nobody asked it to. */
  dropped(): void;
}

interface Child {
  readonly contact: Contact;
  readonly region: RegionSet;
  readonly asHolder: boolean;
  readonly attempt: number;
  readonly unwatch: () => void;
  echoedWave: number;
}

/** A tree exchange's merge operator at this node. */
interface Merge {
  readonly exchange: Exchange;
  readonly input: Operator;
  readonly output: Batch[];
}

/**
 * One region that this node was asked to serve: it scans what it owns, delegates the rest, and echoes
 * to its parent, wave by wave, when all below it is done (Segall's propagation of information with
 * feedback). A child's partial rows travel inside its echo, so a child that dies has added either all
 * of its part or nothing.
 */
export class Engagement {
  readonly region: RegionSet;
  readonly #execution: Execution;
  readonly #parent: Parent;
  readonly #asHolder: boolean;
  readonly #depth: number;
  readonly #children = new Map<number, Child>();
  readonly #merges = new Map<number, Merge>();
  readonly #report = new ReportBuilder();
  readonly #unwatchParent: () => void;
  #scansRunning = 0;
  #retriesWaiting = 0;
  #wave = 0;
  #echoedWave = -1;
  #closed = false;

  constructor(
    execution: Execution,
    parent: Parent,
    region: RegionSet,
    asHolder: boolean,
    depth: number,
    orphaned: () => void,
  ) {
    this.#execution = execution;
    this.#parent = parent;
    this.region = region;
    this.#asHolder = asHolder;
    this.#depth = depth;
    for (const exchange of execution.exchanges) if (exchange.kind === 'tree') this.#addMerge(exchange);
    // Last: whoever is watched may be lost at once, and what throws above must leave no watch behind.
    this.#unwatchParent = parent.contact === null ? () => {} : execution.host.overlay.watch(parent.contact, orphaned);
  }

  /** True until this node has echoed the wave it is in. */
  get active(): boolean {
    return !this.#closed && this.#echoedWave < this.#wave;
  }

  get primary(): boolean {
    return !this.#asHolder;
  }

  start(): void {
    if (this.#execution.plan.dissemination.kind !== 'none') {
      for (const contact of this.#execution.host.overlay.missing()) this.#report.missing(contact);
      this.#cover(this.region, this.#asHolder, 0);
    }
    this.#execution.settleSoon();
  }

  /** Where this node's own rows of a tree exchange go. */
  mergeInput(exchange: number): Downstream {
    const merge = this.#merges.get(exchange);
    if (merge === undefined) throw new Error(`exchange ${exchange} is not a tree exchange`);
    // Producers complete at their own time; the merge completes when the wave is over below this node.
    return alwaysReady((batch) => merge.input.push(batch));
  }

  advance(wave: number): void {
    if (this.#closed || wave !== this.#wave + 1) return;
    this.#wave = wave;
    for (const [delegation, child] of this.#children) {
      this.#execution.host.send(child.contact, {
        type: 'advance',
        query: this.#execution.query.id,
        epoch: this.#execution.epoch,
        delegation,
        wave,
      });
    }
    // The execution may have advanced before, for another engagement of this node.
    this.#execution.settleSoon();
  }

  /** A child is done with a wave. Late news of children already given up is ignored. */
  childEchoed(from: Contact, message: MessageOf<'echo'>): void {
    const child = this.#children.get(message.delegation);
    if (child === undefined || child.contact.id !== from.id || message.wave !== this.#wave) return;
    if (child.echoedWave >= message.wave) return;
    child.echoedWave = message.wave;
    if (this.#report.admits(message.report.served)) {
      this.#report.add(message.report);
      for (const partial of message.partials) this.#takePartial(partial);
    } else {
      this.#report.overlap(`rows below node ${from.address} were already counted and left out`);
    }
    if (message.wave === this.#execution.plan.waves - 1 && this.#execution.treeOnly) this.#forget(message.delegation);
    this.#execution.settleSoon();
  }

  /** A child has given this node up, or leaves the fleet: as good as dead, but not missing. */
  childDropped(from: Contact, delegation: number): void {
    const child = this.#children.get(delegation);
    if (child?.contact.id === from.id) this.#partLost(delegation, child, 'it ended its part');
  }

  /** Gives up on whatever has not answered: what is here is the answer of this wave. */
  expire(): void {
    if (this.#closed) return;
    for (const [delegation, child] of [...this.#children]) {
      if (child.echoedWave >= this.#wave) continue;
      this.#report.lost(child.region, `node ${child.contact.address} did not answer in time`);
      this.#release(delegation, child);
      this.#forget(delegation);
    }
    if (this.#scansRunning > 0)
      this.#report.reason(`node ${this.#execution.host.overlay.self.address} did not answer in time`);
    this.#scansRunning = 0;
    this.#retriesWaiting = 0;
    this.#echo();
  }

  echoIfDone(): void {
    if (!this.active || this.#scansRunning > 0 || this.#retriesWaiting > 0 || !this.#execution.quiet) return;
    for (const child of this.#children.values()) if (child.echoedWave < this.#wave) return;
    this.#echo();
  }

  /** Ends the engagement on this node's own account, lest the parent wait for it. */
  drop(): void {
    if (!this.#closed) this.#parent.dropped();
    this.close();
  }

  /** Ends the engagement and tells the children to do the same. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unwatchParent();
    for (const [delegation, child] of this.#children) {
      this.#release(delegation, child);
      child.unwatch();
    }
    this.#children.clear();
    this.#merges.clear();
  }

  #cover(region: RegionSet, asHolder: boolean, attempt: number): void {
    const { overlay } = this.#execution.host;
    if (this.#depth >= depthMax) {
      this.#report.lost(region, 'a region was passed around without finding its owner');
      return;
    }
    const split = overlay.split(region, fanoutMax, asHolder);
    if (!split.lost.isEmpty)
      this.#report.lost(split.lost, `node ${overlay.self.address} took over a region without its data`);
    for (const part of split.delegate) this.#delegate(part.to, part.region, part.asHolder, attempt);
    // This node's own rows go with its place on the ring, also while another node still serves its region.
    const own = !asHolder && region.has(overlay.self.id);
    if (!this.#execution.claim(split.serve)) {
      this.#report.overlap(`node ${overlay.self.address} was asked for the same rows twice`);
    } else if (own || !split.serve.isEmpty) this.#scan(split.serve, own);
  }

  #delegate(to: Contact, region: RegionSet, asHolder: boolean, attempt: number): void {
    const { host, query, epoch } = this.#execution;
    const delegation = this.#execution.host.nextDelegation();
    this.#children.set(delegation, {
      contact: to,
      region,
      asHolder,
      attempt,
      echoedWave: -1,
      unwatch: host.overlay.watch(to, (reason) => this.#childLost(delegation, reason)),
    });
    host.send(to, {
      type: 'engage',
      query: query.id,
      epoch,
      delegation,
      sql: query.sql,
      plan: query.planBytes,
      proxy: query.proxy,
      rendezvous: [...query.rendezvous],
      regions: region.regions(),
      asHolder,
      depth: this.#depth + 1,
      remainingMs: Math.min(remainingMsMax, Math.max(0, query.deadlineAtMs - host.runtime.now())),
      memoryBytesMax: query.memoryBytesMax,
    });
  }

  #childLost(delegation: number, reason: string): void {
    const child = this.#children.get(delegation);
    if (child === undefined || this.#closed) return;
    this.#report.missing(child.contact);
    // It may live and only be out of reach for a moment: then it must not wait for this node.
    this.#release(delegation, child);
    this.#partLost(delegation, child, reason);
  }

  #partLost(delegation: number, child: Child, reason: string): void {
    const execution = this.#execution;
    const echoedAll = child.echoedWave === execution.plan.waves - 1;
    this.#forget(delegation);
    if (execution.treeOnly && child.echoedWave < 0) this.#askAgain(child, reason);
    // Rows it sent elsewhere may be in the answer already: asking another node for them could count them twice.
    else if (!echoedAll) this.#report.lost(child.region, `node ${child.contact.address} was lost (${reason})`);
    execution.settleSoon();
  }

  #askAgain(child: Child, reason: string): void {
    const { timesMax, delayMs } = retries[this.#execution.distributedScans.length > 0 ? 'distributed' : 'local'];
    if (child.attempt >= timesMax) {
      this.#report.lost(child.region, `node ${child.contact.address} was lost (${reason})`);
      return;
    }
    this.#retriesWaiting += 1;
    this.#execution.host.runtime.after(delayMs, () => {
      if (this.#closed || this.#retriesWaiting === 0) return;
      this.#retriesWaiting -= 1;
      this.#cover(child.region, child.asHolder, child.attempt + 1);
      this.#execution.settleSoon();
    });
  }

  #scan(regions: RegionSet, own: boolean): void {
    const { plan } = this.#execution;
    const counts = own || plan.dissemination.kind === 'key';
    if (counts) this.#report.reached();
    this.#report.served(regions);
    this.#reportLosses(regions);
    this.#scansRunning += 1;
    const ended = (answered: boolean): void => {
      if (this.#closed || this.#scansRunning === 0) return;
      if (counts && answered) this.#report.answered();
      this.#scansRunning -= 1;
      this.#execution.settleSoon();
    };
    this.#runScans(regions, own).then(ended, (error: unknown) => this.#execution.fail(error));
  }

  /** The rows are served as far as they are there; what is gone with all its copies is told. */
  #reportLosses(regions: RegionSet): void {
    const { host, distributedScans } = this.#execution;
    if (distributedScans.length === 0) return;
    const nowMs = host.runtime.now();
    for (const loss of host.overlay.losses(regions)) {
      const tables = distributedScans.filter((scan) => concerns(loss, scan, nowMs)).map(({ table }) => table);
      if (tables.length === 0) continue;
      const names = [...new Set(tables)].join(', ');
      // To the minute: most of those who lost their copies together came to know it in different seconds of one.
      const at = `${new Date(loss.atMs).toISOString().slice(0, 16)}Z`;
      this.#report.lost(
        new RegionSet([loss.region]),
        `rows of ${names} may be missing: no whole copy of a part was left at ${at}`,
      );
    }
  }

  /** @returns false when this node could not read all of its rows */
  async #runScans(regions: RegionSet, own: boolean): Promise<boolean> {
    const execution = this.#execution;
    const pumps: Promise<string | null>[] = [];
    for (const graph of execution.plan.opgraphs) {
      if (graph.at !== 'sources' || graph.output === null) continue;
      const output = execution.outputFor(graph.output, this);
      const running = buildOpGraph(graph.root, output, { memory: execution.memory });
      for (const { node, input } of running.inputs) {
        if (node.kind === 'scan') pumps.push(execution.pump(node, input, output, regions.regions(), own));
      }
    }
    const failures = (await Promise.all(pumps)).filter((failure) => failure !== null);
    for (const failure of failures) this.#report.reason(failure);
    return failures.length === 0;
  }

  #echo(): void {
    const partials: Partial[] = [];
    for (const merge of this.#merges.values()) {
      if (merge.exchange.wave !== this.#wave) continue;
      if (!this.#execution.attempt(() => merge.input.complete())) return;
      for (const batch of merge.output) {
        this.#execution.memory.release(batchBytes(batch));
        partials.push({ exchange: merge.exchange.id, batch: encodeBatch(batch) });
      }
      merge.output.length = 0;
    }
    this.#report.add(this.#execution.takeReport());
    this.#echoedWave = this.#wave;
    this.#parent.echo(this.#wave, this.#report.take(), partials);
  }

  #takePartial(partial: Partial): void {
    const merge = this.#merges.get(partial.exchange);
    if (merge === undefined) return;
    this.#execution.attempt(() => merge.input.push(decodeBatch(merge.exchange.schema, partial.batch)));
  }

  #addMerge(exchange: Extract<Exchange, { kind: 'tree' }>): void {
    const output: Batch[] = [];
    const graph = buildOpGraph(
      exchange.merge,
      {
        push: (batch) => {
          this.#execution.memory.reserve(batchBytes(batch), 'tree exchange');
          output.push(batch);
        },
        complete: () => {},
      },
      { memory: this.#execution.memory },
    );
    const [source] = graph.inputs;
    if (source === undefined) throw new Error('a tree exchange whose merge reads nothing');
    this.#merges.set(exchange.id, { exchange, input: source.input, output });
  }

  #release(delegation: number, child: Child): void {
    if (this.#execution.treeOnly && child.echoedWave >= 0) return;
    const { host, query, epoch } = this.#execution;
    host.send(child.contact, { type: 'release', query: query.id, epoch, delegation });
  }

  #forget(delegation: number): void {
    this.#children.get(delegation)?.unwatch();
    this.#children.delete(delegation);
  }
}
