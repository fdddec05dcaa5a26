import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';

const separator = `\n\n${'-'.repeat(80)}\n\n`;

/** What the licences of the packages inside a bundle ask to be passed on with it: their texts and notices, by package. */
export async function licencesOf({ inputs }: Metafile): Promise<string> {
  const folders = new Set(Object.keys(inputs).flatMap((path) => folderOf(path) ?? []));
  const texts = await Promise.all([...folders].sort().map(licenceOf));
  return `The command contains these packages.${separator}${texts.join(separator)}`;
}

/** Of the package that a file belongs to; null for the project's own. */
function folderOf(path: string): string | null {
  return /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0] ?? null;
}

async function licenceOf(folder: string): Promise<string> {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return [`${name} ${version}: ${license}`, ...texts.map((text) => text.trim())].join('\n\n');
}
