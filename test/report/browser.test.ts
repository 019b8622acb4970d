import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildReport, renderHtml } from '../../audits/index.ts';
import { findChromium, printPdf } from '../../src/report/index.ts';
import { bareEvidence, fullEvidence, nonPrivateEvidence } from './evidence.ts';

const executablePath = findChromium();
const why = executablePath ?? 'skipped: no Chromium is installed; DPTUNE_CHROMIUM names one';
const reports = { full: fullEvidence, bare: bareEvidence, 'not private': nonPrivateEvidence };
type Name = keyof typeof reports;

describe.skipIf(executablePath === undefined)(`in a browser (${why})`, () => {
  let browser: Browser;
  let directory: string;
  const paths = new Map<Name, string>();

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'dptune-browser-'));
    for (const [name, evidence] of Object.entries(reports)) {
      const path = join(directory, `${name}.html`);
      await writeFile(path, await renderHtml(buildReport(evidence)));
      paths.set(name as Name, path);
    }
    browser = await chromium.launch({ executablePath: executablePath!, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  interface Opened {
    readonly page: Page;
    /** Errors, console messages and requests, beside the page itself. */
    readonly events: string[];
  }

  async function open(name: Name, options: Parameters<Browser['newPage']>[0] = {}): Promise<Opened> {
    const page = await browser.newPage(options);
    const events: string[] = [];
    const url = pathToFileURL(paths.get(name)!).href;
    page.on('console', (message) => events.push(`console: ${message.text()}`));
    page.on('pageerror', (error) => events.push(`error: ${error.message}`));
    page.on('request', (request) => {
      if (request.url() !== url) events.push(`request: ${request.url()}`);
    });
    await page.goto(url);
    return { page, events };
  }

  test.each(Object.keys(reports) as Name[])('%s: nothing fails and nothing is fetched', async (name) => {
    const { page, events } = await open(name);
    expect(events).toEqual([]);
    expect(await page.locator('main').count()).toBe(1);
    const stamped = name === 'not private' ? 1 : 0;
    expect(await page.locator('.stamp').count()).toBe(stamped);
    // The style sheet got past the policy of the page itself.
    expect(
      await page
        .locator('.number, .stamp')
        .first()
        .evaluate((node) => (globalThis as unknown as Inside).getComputedStyle(node).fontWeight),
    ).toMatch(/^[67]00$/);
    await page.close();
  });

  test('a script that got in would not run', async () => {
    const path = join(directory, 'injected.html');
    const text = await readFile(paths.get('full')!, 'utf8');
    await writeFile(path, text.replace('</main>', '<script>document.title = "ran"</script></main>'));
    const page = await browser.newPage();
    await page.goto(pathToFileURL(path).href);
    expect(await page.title()).toBe('Privacy report');
    await page.close();
  });

  test('every link leads somewhere on the page', async () => {
    const { page } = await open('full');
    const targets = await page
      .locator('a')
      .evaluateAll((links) => links.map((link) => link.getAttribute('href')!));
    expect(targets).toHaveLength(13);
    for (const target of targets) expect(await page.locator(`section${target}`).count()).toBe(1);
    await page.close();
  });

  test.each([
    ['light', 'full', 1100],
    ['dark', 'bare', 1100],
    ['light', 'full', 360],
    ['dark', 'not private', 360],
  ] as const)('%s, %s, %i wide: readable by all', async (colorScheme, name, width) => {
    const { page } = await open(name, { colorScheme, viewport: { width, height: 800 } });
    const [inner, whole] = await page.evaluate(() => {
      const { innerWidth, document } = globalThis as unknown as Inside;
      return [innerWidth, document.documentElement.scrollWidth];
    });
    expect(whole).toBe(inner);
    const { violations } = await inspect(page);
    expect(
      violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`),
    ).toEqual([]);
    await page.close();
  });

  test('charts have a text in place of the picture, and colours of the scheme', async () => {
    const colours = await Promise.all(
      (['light', 'dark'] as const).map(async (colorScheme) => {
        const { page } = await open('full', { colorScheme });
        const charts = page.locator('figure svg[role=img]');
        expect(await charts.count()).toBe(5);
        const labels = await charts.evaluateAll((all) =>
          all.map((chart) => chart.getAttribute('aria-label')!),
        );
        for (const label of labels) expect(label.length).toBeGreaterThan(30);
        const line = page.locator('figure svg [stroke="var(--accent)"]').first();
        const colour = await line.evaluate(
          (node) => (globalThis as unknown as Inside).getComputedStyle(node).stroke,
        );
        await page.close();
        return colour;
      }),
    );
    expect(colours[0]).not.toBe(colours[1]);
    for (const colour of colours) expect(colour).toMatch(/^rgb/);
  });

  test('page one holds verdict, figures, evidence and signatures', async () => {
    // A4 less margins, at 96 points an inch.
    const { page } = await open('full', { viewport: { width: 672, height: 986 } });
    await page.emulateMedia({ media: 'print' });
    const end = await page.locator('.signatures').evaluate((node) => node.getBoundingClientRect().bottom);
    expect(end).toBeLessThan(986);
    expect(end).toBeGreaterThan(500);
    await page.close();
  });

  test('it prints to a PDF', async () => {
    const out = join(directory, 'report.pdf');
    await printPdf(await readFile(paths.get('full')!, 'utf8'), out);
    const pdf = await readFile(out);
    expect(pdf.subarray(0, 5).toString('latin1')).toBe('%PDF-');
    expect(pdf.length).toBeGreaterThan(50_000);
  });
});

test('without a browser, printing says what is needed', async () => {
  const before = process.env['DPTUNE_CHROMIUM'];
  process.env['DPTUNE_CHROMIUM'] = '/nowhere/chromium';
  try {
    await expect(printPdf('<p>', 'never.pdf')).rejects.toMatchObject({
      code: 'data',
      message: expect.stringContaining('needs an installed Chromium'),
    });
  } finally {
    if (before === undefined) delete process.env['DPTUNE_CHROMIUM'];
    else process.env['DPTUNE_CHROMIUM'] = before;
  }
});

/** What the tests use of a page's own world. */
interface Inside {
  readonly innerWidth: number;
  readonly document: { readonly documentElement: { readonly scrollWidth: number } };
  getComputedStyle(node: unknown): { readonly fontWeight: string; readonly stroke: string };
}

interface Findings {
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string;
    readonly nodes: readonly { html: string }[];
  }[];
}

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** Runs axe-core on the page, past the policy that keeps scripts out of it. */
async function inspect(page: Page): Promise<Findings> {
  await page.evaluate(await readFile(axe, 'utf8'));
  return page.evaluate(async () =>
    (globalThis as unknown as { axe: { run(): Promise<unknown> } }).axe.run(),
  ) as Promise<Findings>;
}
