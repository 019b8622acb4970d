import type { TopLevelSpec } from 'vega-lite';
import { escaped, raw, type Html } from './markup.ts';

/** A chart with what it shows in words. */
export interface Chart {
  readonly title: string;
  /** For those who don't see it. */
  readonly alternative: string;
  readonly spec: Record<string, unknown>;
}

/** What vega exports beside its types. */
interface Untyped {
  readonly textMetrics: { canvas(use: boolean): void };
}

/** Colours are custom properties of the page, so that a chart follows its light and dark scheme. */
const config = {
  aria: false,
  background: null,
  font: 'system-ui, sans-serif',
  view: { stroke: null },
  axis: {
    labelColor: 'var(--muted)',
    titleColor: 'var(--ink)',
    gridColor: 'var(--line)',
    domainColor: 'var(--faint)',
    tickColor: 'var(--faint)',
    labelFontSize: 12,
    titleFontSize: 13,
    titleFontWeight: 'normal',
    titlePadding: 8,
    tickCount: 5,
  },
  legend: {
    labelColor: 'var(--ink)',
    labelFontSize: 12,
    title: null,
    orient: 'top',
    symbolStrokeWidth: 2,
    labelLimit: 260,
  },
  line: { strokeWidth: 2.5 },
};

/**
 * Draws a chart as SVG without a document object: the same bytes on every machine.
 * @returns a figure with its text alternative
 */
export async function drawn({ title, alternative, spec }: Chart): Promise<Html> {
  const [vega, { compile }] = await Promise.all([import('vega'), import('vega-lite')]);
  // Else widths would depend on whether the optional canvas package is installed.
  (vega as unknown as Untyped).textMetrics.canvas(false);
  const whole = { $schema: 'https://vega.github.io/schema/vega-lite/v6.json', config, ...spec };
  const svg = await new vega.View(vega.parse(compile(whole as unknown as TopLevelSpec).spec), {
    renderer: 'none',
  }).toSVG();
  return raw(`<figure><figcaption>${escaped(title)}</figcaption>${tidied(svg, alternative)}</figure>`);
}

/** Coordinates to hundredths of a pixel, one text for the whole image, and a width that may shrink with the page. */
function tidied(svg: string, alternative: string): string {
  const [root, width, view] = /^<svg [^>]* width="(\d+)"[^>]* viewBox="([^"]+)"[^>]*>/.exec(svg)!;
  const body = svg
    .slice(root.length)
    .replaceAll(/ (?:class|role|pointer-events|aria-[a-z]+)="[^"]*"/g, '')
    .replaceAll(/ (d|transform|x|y|x2|y2|width|height)="([^"]*)"/g, (_, name: string, value: string) => {
      const rounded = value.replaceAll(/-?\d+\.\d+(?:e-\d+)?/g, (number) =>
        String(Number(Number(number).toFixed(2))),
      );
      return ` ${name}="${rounded}"`;
    });
  return `<svg role="img" aria-label="${escaped(alternative)}" width="${width}" viewBox="${view}">${body}`;
}
