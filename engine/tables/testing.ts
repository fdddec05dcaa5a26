import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { batchToRows, type SqlValue, typeName } from '../../columnar/index.ts';
import type { TableSource } from '../table.ts';

/** A directory for a test's files. */
export class TestFiles {
  #directory: string | null = null;

  async path(name: string): Promise<string> {
    this.#directory ??= await mkdtemp(join(tmpdir(), 'wharf-tables-'));
    return join(this.#directory, name);
  }

  async write(name: string, content: string | Uint8Array): Promise<string> {
    const path = await this.path(name);
    await writeFile(path, content);
    return path;
  }

  async remove(): Promise<void> {
    if (this.#directory) await rm(this.#directory, { recursive: true });
  }
}

/** The rows of a scan of the named columns, by default of all. */
export async function rowsOf(table: TableSource, ...names: string[]): Promise<(SqlValue | null)[][]> {
  const positions = names.map((name) => table.schema.fields.findIndex((field) => field.name === name));
  const columns = names.length > 0 ? positions : table.schema.fields.map((_, i) => i);
  const rows: (SqlValue | null)[][] = [];
  for await (const batch of table.scan({ columns, signal: new AbortController().signal })) {
    rows.push(...batchToRows(batch));
  }
  return rows;
}

export async function countOf(table: TableSource): Promise<number> {
  let rows = 0;
  for await (const batch of table.scan({ columns: [], signal: new AbortController().signal })) rows += batch.numRows;
  return rows;
}

/** `name type` of every column. */
export function columnsOf(table: TableSource): string[] {
  return table.schema.fields.map(({ name, type }) => `${name} ${typeName(type)}`);
}
