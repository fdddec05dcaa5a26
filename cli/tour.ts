import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PassThrough, type Writable } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { QueryError } from '../columnar/index.ts';
import type { Session } from '../engine/index.ts';
import { connect, type RemoteNode } from '../gateway/index.ts';
import { exitCode } from './exit.ts';
import { LocalFleet } from './fleet.ts';
import { wrapped } from './output/printable.ts';
import { printStatements } from './output/printer.ts';
import { noProgress, Spinner } from './output/progress.ts';
import { widthOf, write } from './output/sink.ts';
import { runShell } from './shell/shell.ts';
import { tourQueries, tourSubscription, tourTables } from './tour-script.ts';

const nodes = 8;
/** The node whose process is killed while a query and a subscription run; not the one that is asked. */
const victim = 5;
/** From the first epoch of the last subscription to the kill. */
const killAfterMs = 1_500;
/** Columns of what is printed to a file. */
const pageWidth = 100;
/** More than the text of a step. */
const pageBytesMax = 1024 * 1024;
const killQuery = 'SELECT count(*) AS flights FROM flights';
const killSubscription = `SUBSCRIBE (
  SELECT count(*) AS nodes, max(uptime_seconds) AS uptime FROM host
) EVERY '1 second' FOR '5 seconds'`;

export function addTourCommand(program: Command): void {
  program
    .command('tour')
    .summary('start eight nodes and show what they can do')
    .description(
      'Starts an 8-node fleet on this machine, one process a node, spreads real flight data over it and runs a tour of queries. On a terminal it ends in a shell on the fleet.',
    )
    .option('--no-shell', 'end after the tour, also on a terminal')
    .action(runTour);
}

async function runTour({ shell }: { readonly shell: boolean }): Promise<void> {
  const data = dataFolder();
  const progress = process.stderr.isTTY ? new Spinner(process.stderr, `starting ${nodes} nodes`) : noProgress;
  progress.start();
  const fleet = await LocalFleet.start({
    nodes,
    workers: nodes,
    tables: [`flights=${join(data, 'flights-3m.parquet')}`, `airports_csv=${join(data, 'airports.csv')}`],
  }).finally(() => progress.stop());
  try {
    const addresses = fleet.nodes.map(({ address, pid }) => `  ${address}  process ${pid}\n`).join('');
    await say(`${nodes} nodes on this machine, each a process of its own:\n${addresses}`);
    const node = await connect(fleet.nodes[0]?.address ?? '', { secret: null });
    try {
      await tour(fleet, node);
    } finally {
      node.close();
    }
    if (shell && process.stdin.isTTY && process.stdout.isTTY) {
      await say('\nThe fleet is yours until you leave this shell.\n');
      await runShell({ address: fleet.nodes[0]?.address ?? '', secret: null });
    }
  } finally {
    await fleet.stop();
  }
  process.exitCode = exitCode.ok;
}

async function tour(fleet: LocalFleet, node: RemoteNode): Promise<void> {
  const session = node.openSession();
  await step(
    session,
    'Airports become a distributed table: rows placed by hash in the DHT, three copies each',
    `${tourTables.create};\n${tourTables.load}`,
  );
  for (const { title, sql } of tourQueries) await step(session, title, sql);
  await step(session, 'Five epochs of live host metrics: every node answers every second', tourSubscription);
  const [, , join] = tourQueries;
  await step(session, 'The plan of that join', `EXPLAIN ${join.sql}`);
  await killOne(fleet, node, session);
  session.close();
}

/** A query and an epoch while a node dies: the answers say what they lack. */
async function killOne(fleet: LocalFleet, node: RemoteNode, session: Session): Promise<void> {
  const address = fleet.nodes.find(({ index }) => index === victim)?.address ?? '';
  const other = node.openSession();
  const asked = sleep(killAfterMs)
    .then(() => fleet.killNode(victim))
    .then(() => answerOf(other, `Asked the moment ${address} died`, killQuery));
  const title = `Who answers, second by second, while ${address} is killed (SIGKILL)`;
  // Epochs end with an empty line, as this does.
  const answered = asked.then((text) => say(`${text.trimStart()}\n`));
  await Promise.all([step(session, title, killSubscription), answered]);
  other.close();
}

/** A step's text when it is over, so that what runs beside it does not get in between. */
async function answerOf(session: Session, title: string, sql: string): Promise<string> {
  const page = new PassThrough({ highWaterMark: pageBytesMax });
  await step(session, title, sql, page);
  return textOf(page.end());
}

async function step(session: Session, title: string, sql: string, out: Writable = process.stdout): Promise<void> {
  const widthMax = process.stdout.isTTY ? widthOf(process.stdout) : pageWidth;
  await write(out, `\n${wrapped(`── ${title}`, widthMax)}\n${sql.replaceAll(/^/gm, '   ')}\n\n`);
  await printStatements(session, sql, {
    out,
    notes: out,
    format: 'table',
    widthMax,
    timing: true,
    progress: noProgress,
  });
}

function say(text: string): Promise<void> {
  return write(process.stdout, text);
}

/** Where the sample data lies: in a package that only a clone of the repository installs. */
export function dataFolder(): string {
  const folders = createRequire(import.meta.url).resolve.paths('vega-datasets') ?? [];
  const data = folders.map((folder) => join(folder, 'vega-datasets', 'data')).find((folder) => existsSync(folder));
  if (data !== undefined) return data;
  throw new QueryError('file', 'the tour needs its sample data, the package vega-datasets', {
    hint: 'In a clone of the repository: npm ci',
  });
}
