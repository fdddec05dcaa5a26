import { QueryError } from '../../columnar/index.ts';
import { comparable, plainRows } from './duckdb.ts';
import type { EventQuery, Row } from './events.ts';
import { type Answer, run, type SimulatedFleet } from './fleet.ts';

/** What went wrong with a fleet, and what it takes to make it whole again. */
export interface Trouble {
  /** Nodes that came or went meanwhile: a complete answer may or may not have their rows. */
  readonly optional: readonly number[];
  /** Heals, restarts, and waits for whoever is on the way. */
  end(): Promise<void>;
}

/** A kind of trouble. `begin` plans it for the next moments; `spared` are the nodes that are being asked. */
export interface Fault {
  readonly name: string;
  begin(fleet: SimulatedFleet, spared: readonly number[]): Trouble;
}

/** A whole number below `count`, from the seed. */
export function pick(fleet: SimulatedFleet, count: number): number {
  return Math.floor(fleet.simulation.random() * count);
}

/** `count` different ones of `items`. */
export function pickSome<T>(fleet: SimulatedFleet, items: readonly T[], count: number): T[] {
  const left = [...items];
  return Array.from({ length: Math.min(count, left.length) }, () => left.splice(pick(fleet, left.length), 1)).flat();
}

/** Queries of a small fleet take about this long: faults come within it. */
const duringMs = 900;

function soon(fleet: SimulatedFleet, act: () => void): void {
  fleet.simulation.at(fleet.simulation.nowMs + pick(fleet, duringMs), act);
}

/** One that may be hurt. */
function victimOf(fleet: SimulatedFleet, spared: readonly number[]): number {
  const [victim] = pickSome(fleet, othersThan(fleet, spared), 1);
  if (victim === undefined) throw new Error('every node is spared');
  return victim;
}

function othersThan(fleet: SimulatedFleet, spared: readonly number[]): number[] {
  return fleet.up.filter((index) => !spared.includes(index));
}

const nothing: Fault = { name: 'nothing', begin: () => ({ optional: [], end: () => Promise.resolve() }) };

/** Crashes of `count` nodes, each at its own moment; they come back with their identity afterwards. */
function crashes(count: number): Fault {
  return {
    name: `${count} crashed`,
    begin: (fleet, spared) => {
      const victims = pickSome(fleet, othersThan(fleet, spared), count);
      for (const victim of victims) soon(fleet, () => void fleet.kill(victim));
      const end = async (): Promise<void> => {
        // Long enough for the others to have made up for it, so that no data is lost for good.
        await fleet.rest(6_000);
        for (const victim of victims) await fleet.drive(fleet.restart(victim));
      };
      return { optional: [], end };
    },
  };
}

const loss: Fault = {
  name: 'messages lost',
  begin: (fleet) => {
    fleet.simulation.setLossRate(0.05 + 0.15 * fleet.simulation.random());
    return {
      optional: [],
      end: () => {
        fleet.simulation.setLossRate(0);
        return Promise.resolve();
      },
    };
  },
};

const partition: Fault = {
  name: 'partition, healed later',
  begin: (fleet) => {
    const isle = pickSome(fleet, fleet.up, 1 + pick(fleet, fleet.up.length - 1));
    soon(fleet, () => fleet.partition(isle));
    const lengthMs = 200 + pick(fleet, 8_000);
    fleet.simulation.at(fleet.simulation.nowMs + duringMs + lengthMs, () => fleet.heal());
    return { optional: [], end: () => fleet.rest(duringMs + lengthMs) };
  },
};

const joining: Fault = {
  name: 'a node joins',
  begin: (fleet) => {
    let joined: Promise<unknown> = Promise.resolve();
    const index = fleet.nodes.length;
    soon(fleet, () => {
      joined = fleet.join();
    });
    return {
      optional: [index],
      end: async () => {
        await fleet.rest(duringMs);
        await fleet.drive(joined);
      },
    };
  },
};

const leaving: Fault = {
  name: 'a node leaves',
  begin: (fleet, spared) => {
    const leaver = victimOf(fleet, spared);
    let left: Promise<unknown> = Promise.resolve();
    soon(fleet, () => {
      left = fleet.leave(leaver);
    });
    return {
      optional: [leaver],
      end: async () => {
        await fleet.rest(duringMs);
        await fleet.drive(left);
      },
    };
  },
};

const restarting: Fault = {
  name: 'a node restarts at once',
  begin: (fleet, spared) => {
    const victim = victimOf(fleet, spared);
    let again: Promise<unknown> = Promise.resolve();
    soon(fleet, () => {
      again = fleet.restart(victim);
    });
    return {
      optional: [],
      end: async () => {
        await fleet.rest(duringMs);
        await fleet.drive(again);
      },
    };
  },
};

/** Two at once. The first one's victim is spared by the second. */
function both(first: Fault, second: Fault): Fault {
  return {
    name: `${first.name} and ${second.name}`,
    begin: (fleet, spared) => {
      const one = first.begin(fleet, spared);
      const two = second.begin(fleet, [...spared, ...one.optional]);
      return {
        optional: [...one.optional, ...two.optional],
        end: async () => {
          await two.end();
          await one.end();
        },
      };
    },
  };
}

export const faults: readonly Fault[] = [
  nothing,
  crashes(1),
  crashes(2),
  loss,
  partition,
  joining,
  leaving,
  restarting,
  both(loss, crashes(1)),
  both(leaving, joining),
  both(leaving, crashes(1)),
];

/** What became of a statement: its answer, or the error that a client would see. */
export async function attempt(run: Promise<Answer>): Promise<Answer | QueryError> {
  try {
    return await run;
  } catch (error) {
    if (error instanceof QueryError) return error;
    throw error;
  }
}

/** What a statement's outcome says that cannot be; `null` when it holds. */
export function lie(
  query: EventQuery,
  outcome: Answer | QueryError,
  members: readonly number[],
  optional: readonly number[],
): object | null {
  if (outcome instanceof QueryError)
    return outcome.code === 'unreachable' ? null : { claims: outcome.code, message: outcome.message };
  const rows = plainRows(outcome.schema, outcome.rows);
  const sets = subsetsOf(optional).map((subset) => [
    ...new Set([...members.filter((node) => !optional.includes(node)), ...subset]),
  ]);
  const isExact = sets.some((nodes) => sameRows(rows, query.answer(nodes), query.ordered));
  if (outcome.coverage?.complete) return isExact ? null : { claims: 'complete', rows, coverage: outcome.coverage };
  const whole = [...new Set([...members, ...optional])];
  return isExact || query.isPartOf(rows, whole) ? null : { claims: 'partial', rows, coverage: outcome.coverage };
}

function sameRows(a: readonly Row[], b: readonly Row[], ordered: boolean): boolean {
  return JSON.stringify(comparable(a, ordered)) === JSON.stringify(comparable(b, ordered));
}

function subsetsOf<T>(items: readonly T[]): T[][] {
  const masks = Array.from({ length: 2 ** items.length }, (_, mask) => mask);
  return masks.map((mask) => items.filter((_, i) => (mask >> i) & 1));
}

/** Parts of queries that nodes still have, but for the query that asks. */
export async function queriesLeft(fleet: SimulatedFleet, limitMs = 60_000): Promise<readonly string[]> {
  const [asked] = fleet.up;
  const node = asked === undefined ? undefined : fleet.nodes[asked];
  if (node === undefined) throw new Error('nobody is up');
  const sql = 'SELECT node, query_id, role, sql, executions FROM sys.queries';
  const { schema, rows } = await fleet.drive(run(node, sql), limitMs);
  return plainRows(schema, rows)
    .filter((row) => row[3] !== sql)
    .map((row) => row.join(' '));
}

/** Until the fleet gives complete answers again. */
export async function whole(fleet: SimulatedFleet, limitMs = 120_000): Promise<void> {
  await fleet.settle(limitMs);
  const untilMs = fleet.simulation.nowMs + limitMs;
  let reasons: unknown = null;
  while (fleet.simulation.nowMs < untilMs) {
    let isWhole = true;
    for (const index of fleet.up) {
      const node = fleet.nodes[index];
      if (node === undefined) continue;
      const outcome = await fleet.drive(attempt(run(node, 'SELECT count(*) FROM sys.nodes')));
      if (
        !(outcome instanceof QueryError) &&
        outcome.coverage?.complete &&
        Number(outcome.rows[0]?.[0]) === fleet.up.length
      )
        continue;
      reasons = outcome instanceof QueryError ? outcome.message : outcome.coverage;
      isWhole = false;
      break;
    }
    if (isWhole) return;
    await fleet.rest(1_000);
  }
  throw new Error(`the fleet does not become whole again: ${JSON.stringify(reasons)}`);
}
