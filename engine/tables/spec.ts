import { basename, extname } from 'node:path';
import { QueryError } from '../../columnar/index.ts';
import { checkTableName, identifier } from './names.ts';

/** Whether a file can be a table, by its name. */
export function isTableFile(name: string): boolean {
  return /\.(parquet|csv|tsv|ndjson|jsonl|json|arrow|feather|ipc)$/i.test(name);
}

export interface TableSpec {
  readonly name: string;
  readonly path: string;
}

/**
 * Reads what the command line says of a file: `flights=./f.parquet`, or `./f.parquet` alone, which is named
 * after the file without its extension.
 * @throws QueryError `configuration` for an empty path or a name that SQL could not write
 */
export function tableFromSpec(spec: string): TableSpec {
  const equals = spec.indexOf('=');
  // A path may contain `=`; a name may not contain a slash.
  const named = equals >= 0 && !spec.slice(0, equals).includes('/');
  const path = named ? spec.slice(equals + 1) : spec;
  if (path === '') {
    throw new QueryError('configuration', `"${spec}" names no file`, { hint: 'Write name=path or only a path.' });
  }
  if (named) return { name: checkTableName(spec.slice(0, equals)), path };
  return { name: checkTableName(identifier(basename(path, extname(path)))), path };
}
