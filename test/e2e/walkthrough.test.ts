import { readFile, writeFile } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { renderError } from '../../cli/exit.ts';
import { printStatements } from '../../cli/output/printer.ts';
import { noProgress } from '../../cli/output/progress.ts';
import { connect } from '../../gateway/index.ts';
import { ask, eventually, type Fleet, nodeAt, startFleet } from './command.ts';

// Runs the cells of examples/walkthrough.md in their order and holds them against the outputs in the page.

const page = fileURLToPath(new URL('../../examples/walkthrough.md', import.meta.url));
const isRewriting = process.env.WHARF_REWRITE !== undefined;
/** Columns of the page. */
const pageWidth = 100;

/** Either of a cell to run and the output below it, or of a command for the shell. */
const cellPattern = /```sql\n([^]*?)```\n\n```text\n([^]*?)```|```sh\n([^]*?)```/g;

test('every cell of the walk-through gives what the page shows', async () => {
  const text = await readFile(page, 'utf8');
  const run = new Walk();
  let rewritten = '';
  let end = 0;
  for (const match of text.matchAll(cellPattern)) {
    const [cell, sql, expected, shell] = match;
    rewritten += text.slice(end, match.index);
    end = match.index + cell.length;
    if (shell !== undefined) await run.shell(shell);
    if (sql === undefined) {
      rewritten += cell;
      continue;
    }
    const output = await run.sql(sql);
    rewritten += `\`\`\`sql\n${sql}\`\`\`\n\n\`\`\`text\n${output}\`\`\``;
    if (!isRewriting) expect(output, `in examples/walkthrough.md, below\n${sql}`).toBe(expected);
  }
  if (isRewriting) await writeFile(page, rewritten + text.slice(end));
});

/** One reader's way through the page. */
class Walk {
  #fleet: Fleet | null = null;

  async shell(command: string): Promise<void> {
    const [program, subcommand, ...args] = command
      .replaceAll('\\\n', ' ')
      .split(/\s+/)
      .filter((word) => word !== '');
    if (program === 'wharf' && subcommand === 'fleet') this.#fleet = await startFleet(args);
    else if (program === 'kill') await this.#kill(Number(/# node (\d)/.exec(command)?.[1]));
    else throw new Error(`the walk-through does not know how to ${command}`);
  }

  async sql(sql: string): Promise<string> {
    const page = new Page();
    const node = await connect(nodeAt(this.#running, 0).address, { secret: null });
    try {
      const output = { out: page, notes: page, format: 'table', widthMax: pageWidth } as const;
      await printStatements(node.openSession(), sql.trim(), { ...output, timing: false, progress: noProgress });
    } catch (error) {
      page.write(renderError(error, sql.trim()));
    } finally {
      node.close();
    }
    return this.#steady(page.text);
  }

  get #running(): Fleet {
    if (this.#fleet === null) throw new Error('the walk-through asks before it has started a fleet');
    return this.#fleet;
  }

  /** Ends a node's process, and waits until the others have noticed. */
  async #kill(index: number): Promise<void> {
    process.kill(nodeAt(this.#running, index).pid, 'SIGKILL');
    await eventually(async () => {
      const noticed = await ask(nodeAt(this.#running, 0).address, 'SELECT DISTINCT missing FROM sys.nodes');
      expect(noticed).toEqual([['1']]);
    });
  }

  /** Without what differs from run to run, as the end of the page says. */
  #steady(output: string): string {
    let epoch = 0;
    const steady = output.replaceAll(/^epoch \d+ · \d\d:\d\d:\d\d/gm, () => `epoch ${++epoch} · hh:mm:ss`);
    return this.#running.nodes.reduce(
      (text, { index, address }) => text.replaceAll(address, `127.0.0.1:740${index}`),
      steady,
    );
  }
}

class Page extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}
