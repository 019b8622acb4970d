import { createHash } from 'node:crypto';
import { auditChart, budgetChart, epsilonChart, tradeOffChart, utilityChart } from './page/chart-specs.ts';
import { drawn, type Chart } from './page/charts.ts';
import { coverOf } from './page/cover.ts';
import { evidenceSections } from './page/evidence-sections.ts';
import { guaranteeSections, type Charts } from './page/guarantee-sections.ts';
import { html, raw, type Html } from './page/markup.ts';
import { styleSheet } from './page/style.ts';
import type { Report } from './schema.ts';

const contents = [
  ['guarantee', 'The guarantee'],
  ['unit', 'Who is protected'],
  ['scope', 'What is covered'],
  ['mechanism', 'How it was trained'],
  ['accounting', 'How epsilon was computed'],
  ['utility', 'How well it works'],
  ['audits', 'Tests and audits'],
  ['budget', 'Budget and approvals'],
  ['data', 'Data and base model'],
  ['hazards', 'Hazards'],
  ['limits', 'What this report does not show'],
  ['artifacts', 'Files and versions'],
  ['crosswalk', 'Appendix: laws and standards'],
] as const;

/**
 * The report as one page that needs nothing else: no script, no font, no network. It depends on the report alone, so that
 * whoever has report.json can make it again and compare.
 */
export async function renderHtml(report: Report): Promise<string> {
  const charts = await chartsOf(report);
  const { stamp, private: isPrivate } = report.status;
  const stampLine = isPrivate ? undefined : html`<p class="stamp">${stamp}</p>`;
  const style = createHash('sha256').update(styleSheet).digest('base64');
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'sha256-${raw(style)}'; base-uri 'none'; form-action 'none'"
        />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="referrer" content="no-referrer" />
        <title>Privacy report${isPrivate ? '' : ` (${stamp})`}</title>
        ${raw(`<style>${styleSheet}</style>`)}
      </head>
      <body>
        ${stampLine}
        <main>
          ${coverOf(report)}
          <nav class="contents" aria-labelledby="contents-title">
            <h2 id="contents-title">Contents</h2>
            <ol>
              ${contents.map(([id, title]) => html`<li><a href="#${id}">${title}</a></li> `)}
            </ol>
          </nav>
          ${[...guaranteeSections(report, charts), ...evidenceSections(report, charts)]}
        </main>
        <footer>
          <p>Rendered from report.json, which holds every figure in full. dptune verify checks both.</p>
        </footer>
      </body>
    </html> `;
  return page.html;
}

async function chartsOf(report: Report): Promise<Charts> {
  return {
    epsilon: await drawnIf(epsilonChart(report)),
    tradeOff: await drawnIf(tradeOffChart(report)),
    utility: await drawnIf(utilityChart(report)),
    budget: await drawnIf(budgetChart(report)),
    audit: await drawnIf(auditChart(report)),
  };
}

async function drawnIf(chart: Chart | undefined): Promise<Html | undefined> {
  return chart && drawn(chart);
}
