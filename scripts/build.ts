import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { licencesOf } from './licences.ts';

// Builds `dist/`: the library for programs that embed a node, and the command.

/** What earlier builds left: shared chunks have other names each time. Directories beside them are made by others. */
async function removeEarlier(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const entries = await readdir(directory, { withFileTypes: true });
  await Promise.all(entries.filter((entry) => entry.isFile()).map(({ name }) => rm(join(directory, name))));
}

const common: BuildOptions = {
  outdir: 'dist',
  entryNames: '[name]',
  bundle: true,
  splitting: true,
  sourcemap: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  logLevel: 'warning',
};

/** They load files of their own: native code, scripts. `cbor-extract` is what makes `cbor-x` quick; it does without. */
const native = ['classic-level', 'cbor-extract', 'systeminformation'];

await removeEarlier('dist');
await build({ ...common, entryPoints: ['index.ts'], packages: 'external' });
// With its packages inside: to find and read hundreds of files takes three times as long as all else that a start does.
const { metafile } = await build({
  ...common,
  entryPoints: ['cli/main.ts', 'cli/fleet-worker.ts'],
  external: native,
  metafile: true,
  // Packages that are no ES modules ask for those of Node by `require`.
  banner: {
    js: "import { createRequire as bundledRequire } from 'node:module';const require = bundledRequire(import.meta.url);",
  },
});
await writeFile('dist/THIRD-PARTY-LICENCES.txt', await licencesOf(metafile));
