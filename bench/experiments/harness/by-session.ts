import type { TopLevelSpec } from 'vega-lite';
import type { Row } from './experiment.ts';
import { type Geometry, geometryOf } from './geometries.ts';

/** What an experiment varies that measures a fleet under churn. */
export interface SessionGrid {
  readonly geometries: readonly string[];
  /** Median sessions, minutes. */
  readonly sessions: readonly number[];
}

export interface SessionPoint extends Row {
  readonly geometry: Geometry;
  readonly sessionMin: number;
}

/** Measures each geometry at each median session, one after another; null: there was no time for that one. */
export async function bySession<P extends SessionPoint>(
  { geometries, sessions }: SessionGrid,
  measure: (geometry: Geometry, sessionMin: number) => Promise<P | null>,
): Promise<P[]> {
  const points: P[] = [];
  for (const geometry of geometries.map(geometryOf)) {
    for (const sessionMin of sessions) {
      const point = await measure(geometry, sessionMin);
      if (point) points.push(point);
    }
  }
  return points;
}

/** One panel for each title, with lines for the columns named, over the median session. */
export function plotBySession(
  points: readonly SessionPoint[],
  panels: Readonly<Record<string, readonly string[]>>,
): TopLevelSpec {
  return {
    data: { values: [...points] },
    resolve: { scale: { color: 'independent' } },
    hconcat: Object.entries(panels).map(([title, columns]) => ({
      title,
      width: 300,
      height: 220,
      transform: [{ fold: [...columns], as: ['measure', 'value'] as [string, string] }],
      mark: { type: 'line' as const, point: true },
      encoding: {
        x: {
          field: 'sessionMin',
          type: 'quantitative' as const,
          scale: { type: 'log' as const },
          title: 'median session, min',
        },
        y: { field: 'value', type: 'quantitative' as const, title: null, scale: { zero: false } },
        color: { field: 'measure', type: 'nominal' as const, title: null },
        strokeDash: { field: 'geometry', type: 'nominal' as const, title: null },
      },
    })),
  };
}
