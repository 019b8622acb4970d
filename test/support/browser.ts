import { existsSync, readFileSync } from 'node:fs';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

/** Debian's and others' places for Chromium. */
const places = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

/** The browser that tests use; undefined where none is installed, and why tests skip then. */
export const chromiumPath = places.find((path) => path !== undefined && existsSync(path));
export const noBrowser = 'needs Chromium (Debian: apt-get install chromium, or set CHROMIUM)';

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox'] });
}

/** What a page did that it should not, and what axe-core finds wrong with it. */
export interface PageFindings {
  readonly page: Page;
  /** Errors and warnings on the console. */
  readonly complaints: string[];
  /** Requests for anything but the page itself. */
  readonly requests: string[];
  /** Violations of accessibility rules, of serious or critical impact. */
  readonly violations: string[];
}

/** Opens a page and looks at it as its strictest reader would. Close the context afterwards. */
export async function inspect(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<PageFindings> {
  // axe-core runs in the page, which a strict policy would rightly refuse.
  const context = await browser.newContext({ ...options, bypassCSP: true });
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    if (request.url() !== url) requests.push(request.url());
  });
  await page.goto(url);
  await page.evaluate(readFileSync(new URL(import.meta.resolve('axe-core')), 'utf8'));
  const violations = await page.evaluate<string[]>(`axe.run().then(({ violations }) => violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => id + ': ' + nodes[0].html))`);
  return { page, complaints, requests, violations };
}
