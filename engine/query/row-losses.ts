import type { Loss } from '../../overlay/index.ts';
import type { ScanNode } from './execution.ts';

/** Clocks of members are no further apart: a loss, a table and a row are timed by different ones. */
const clocksApartMaxMs = 5_000;

/** Whether rows of the scanned table may have been lost that would still be alive. */
export function concerns(
  { atMs }: Pick<Loss, 'atMs'>,
  { retention }: Pick<ScanNode, 'retention'>,
  nowMs: number,
): boolean {
  if (retention === null) return false;
  const { createdAtMs, lifetimeMs } = retention;
  const wasThere = createdAtMs <= atMs + clocksApartMaxMs;
  const wouldBeAlive = lifetimeMs === null || nowMs < atMs + lifetimeMs + clocksApartMaxMs;
  return wasThere && wouldBeAlive;
}
