/**
 * Resolves at the first SIGINT or SIGTERM. A second one ends the process at once: whoever is in a hurry need not
 * wait for a graceful end.
 */
export function untilInterrupted(): Promise<void> {
  return new Promise((resolve) => {
    let interrupted = false;
    const interrupt = (): void => {
      if (interrupted) process.exit(130);
      interrupted = true;
      resolve();
    };
    process.on('SIGINT', interrupt);
    process.on('SIGTERM', interrupt);
  });
}
