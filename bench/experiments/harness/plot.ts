import * as vega from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';

/** Draws a Vega-Lite specification; needs no browser and no canvas. @see docs/decisions/0011-experiments.md */
export async function toSvg(spec: TopLevelSpec): Promise<string> {
  // Nothing is loaded: the data is in the specification.
  const view = new vega.View(vega.parse(compile({ background: 'white', ...spec }).spec), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}
