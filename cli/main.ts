import { run } from './program.ts';

// The reader of a pipe, as in `wharf sql … | head`, may leave early; that is no error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    throw error;
  });
}

await run(process.argv.slice(2));
