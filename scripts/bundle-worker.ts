import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/**
 * Bundles a program that many processes will run, as the package itself is bundled: from source each of them would
 * spend a second on compiling it.
 * @returns the path to fork
 */
export async function bundleWorker(source: URL, directory: string): Promise<string> {
  const entry = fileURLToPath(source);
  const outdir = fileURLToPath(new URL(`../dist/${directory}`, import.meta.url));
  await build({
    entryPoints: [entry],
    outdir,
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    target: 'node20',
    format: 'esm',
    logLevel: 'warning',
  });
  return `${outdir}/${basename(entry, '.ts')}.js`;
}
