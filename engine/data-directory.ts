import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { QueryError } from '../columnar/index.ts';
import {
  damaged,
  diskKey,
  diskPrefix,
  isKey,
  type Journal,
  LevelStorage,
  type Storage,
  StorageError,
  unreadable,
} from '../overlay/index.ts';
import { isTableFile } from './tables/index.ts';

// A node's data directory: a marker, by which it is known and which tells its format, and the database. Both tell whose it
// is: the database with its seals, and the marker for lives in which that cannot be read.

const markerName = 'wharf-node';
const newMarkerName = 'wharf-node.new';
const databaseName = 'store';
const format = 2;

interface Identity {
  readonly cluster: string;
  readonly id: string;
}

/**
 * Opens the directory in which a node keeps its state, or makes a new one. When that of an earlier life is damaged so that
 * it cannot be opened, the node lives without it, and takes no writes.
 * @throws QueryError `configuration` when it is something else or of another version, `dataDirectory` when it cannot be
 *   made or read; StorageError, for `unusable`
 */
export async function openDataDirectory(directory: string): Promise<Storage> {
  try {
    await makeDirectory(directory);
    const names = await readdir(directory);
    if (names.includes(markerName)) return await reopened(directory);
    // A crash may have come before the marker.
    if (names.some((name) => name !== databaseName && name !== newMarkerName)) throw notOurs(directory, names);
    const storage = await LevelStorage.open(join(directory, databaseName));
    // Last: from now on there has to be a database.
    await writeMarker(directory, null);
    return storage;
  } catch (error) {
    if (error instanceof QueryError || error instanceof StorageError) throw error;
    throw new QueryError('dataDirectory', `cannot use the data directory ${directory}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function reopened(directory: string): Promise<Storage> {
  try {
    await checkMarker(directory);
    return await LevelStorage.open(join(directory, databaseName), true);
  } catch (error) {
    if (error instanceof StorageError && error.code === 'corrupt') return unreadable(damaged(error.message));
    throw error;
  }
}

/**
 * Who the node is that keeps its state here: the same in every life, but for those in which neither the database nor the
 * marker can be read.
 * @param newId of a new node
 * @returns whether it is new, too: then nobody has seen it yet
 * @throws QueryError `configuration` when it belongs to another cluster; StorageError
 */
export async function identify(
  journal: Journal,
  directory: string,
  cluster: string,
  newId: () => string,
): Promise<{ readonly id: string; readonly isNew: boolean }> {
  const onDisk = await readIdentity(journal);
  const marked = await markedIdentity(directory);
  const known = onDisk ?? (journal.failure ? marked : null);
  if (known) {
    if (known.cluster === cluster) {
      // The directory may be older than that, or a crash came first.
      if (marked?.id !== known.id && !journal.failure) await markIdentity(directory, known);
      return { id: known.id, isNew: false };
    }
    throw new QueryError(
      'configuration',
      `the data directory ${directory} belongs to a node of cluster "${known.cluster}", not of "${cluster}"`,
      { hint: `Give --cluster ${known.cluster}, or another directory.` },
    );
  }
  const id = newId();
  // Whoever it was is perhaps what is damaged: nobody takes this one for it.
  if (journal.failure) return { id, isNew: true };
  journal.write(diskKey(diskPrefix.identity), new TextEncoder().encode(JSON.stringify({ cluster, id })));
  await journal.flushed();
  await markIdentity(directory, { cluster, id });
  return { id, isNew: true };
}

/** For a new node that was not let in: the next one here may be of another cluster. */
export async function forgetIdentity(journal: Journal, directory: string): Promise<void> {
  await writeMarker(directory, null);
  journal.write(diskKey(diskPrefix.identity), null);
  await journal.flushed();
}

async function readIdentity(journal: Journal): Promise<Identity | null> {
  let identity: Identity | null = null;
  for await (const { value } of journal.read(diskPrefix.identity)) {
    identity = identityOf(parsed(new TextDecoder().decode(value)));
    if (!identity) journal.damaged('the identity of the node makes no sense');
  }
  return identity;
}

/** Null when the marker, which need not be whole, does not tell. */
async function markedIdentity(directory: string): Promise<Identity | null> {
  return identityOf(parsed(await readFile(join(directory, markerName), 'utf8').catch(() => '')));
}

/** The database tells it, too: where there is no room for this, the next life tries again. */
async function markIdentity(directory: string, identity: Identity): Promise<void> {
  await writeMarker(directory, identity).catch(() => {});
}

/** All of it or nothing, whenever a crash comes. */
async function writeMarker(directory: string, identity: Identity | null): Promise<void> {
  const path = join(directory, newMarkerName);
  await writeFile(path, `${JSON.stringify({ format, ...identity })}\n`, { flush: true });
  await rename(path, join(directory, markerName));
}

function identityOf(known: unknown): Identity | null {
  if (typeof known !== 'object' || known === null || !('cluster' in known && 'id' in known)) return null;
  const { cluster, id } = known;
  return typeof cluster === 'string' && typeof id === 'string' && isKey(id) ? { cluster, id } : null;
}

async function checkMarker(directory: string): Promise<void> {
  const found = parsed(await readFile(join(directory, markerName), 'utf8'));
  if (typeof found !== 'object' || found === null || !('format' in found)) {
    throw new StorageError('corrupt', `its file ${markerName} makes no sense`);
  }
  if (found.format === format) return;
  throw new QueryError(
    'configuration',
    `the data directory ${directory} has format ${JSON.stringify(found.format)}; this version of wharf knows format ${format}`,
    { hint: 'Start the version of wharf that wrote it, or give another directory: the fleet has other copies.' },
  );
}

function notOurs(directory: string, names: readonly string[]): QueryError {
  const hasTables = names.some(isTableFile);
  return new QueryError('configuration', `${directory} is neither empty nor the data directory of a node`, {
    hint: hasTables
      ? `Did you mean --tables ${directory}, which exposes its files as tables? --data is where a node keeps its state.`
      : '--data is where a node keeps its state: give a new directory.',
  });
}

/** What to tell a user whose data directory cannot be used. */
export function unusable(directory: string, error: StorageError): QueryError {
  const [what, hint] = {
    locked: ['is in use by another process', 'Every node needs a data directory of its own.'],
    corrupt: ['is damaged', 'Move it away: the node starts anew, and reads what the other members have.'],
    full: ['is on a full disk', 'Make room first.'],
    io: ['cannot be used', null],
  }[error.code] as [string, string | null];
  // That it is locked says all.
  const detail = error.code === 'locked' ? '' : `: ${error.message}`;
  return new QueryError('dataDirectory', `the data directory ${directory} ${what}${detail}`, {
    cause: error,
    ...(hint === null ? {} : { hint }),
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** As `mkdir` with `recursive`, which never ends where nothing can be made, as below /proc. */
async function makeDirectory(directory: string): Promise<void> {
  try {
    await makeWithinParent(directory);
  } catch (error) {
    const parent = dirname(directory);
    if (!hasCode(error, 'ENOENT') || parent === directory) throw error;
    await makeDirectory(parent);
    await makeWithinParent(directory);
  }
}

async function makeWithinParent(directory: string): Promise<void> {
  try {
    await mkdir(directory);
  } catch (error) {
    // Nodes that start side by side make their common parent at the same time.
    if (!hasCode(error, 'EEXIST')) throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
