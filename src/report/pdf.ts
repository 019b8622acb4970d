import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DataError } from '../../privacy/index.ts';

const names = [
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'microsoft-edge',
  'msedge',
];
const places = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  String.raw`C:\Program Files\Google\Chrome\Application\chrome.exe`,
  String.raw`C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe`,
];
const patience = 60_000;

/** The browser that prints: DPTUNE_CHROMIUM, or what is installed under a usual name; undefined where there is none. */
export function findChromium(): string | undefined {
  const given = process.env['DPTUNE_CHROMIUM'];
  if (given !== undefined) return existsSync(given) ? given : undefined;
  const directories = (process.env['PATH'] ?? '').split(delimiter);
  return [...names.flatMap((name) => directories.map((directory) => join(directory, name))), ...places].find(
    (path) => existsSync(path),
  );
}

/**
 * Prints a page that needs nothing but itself.
 * @param out - file to write
 * @throws DataError where no Chromium is installed, or it fails
 */
export async function printPdf(html: string, out: string): Promise<void> {
  const browser = findChromium();
  if (browser === undefined) {
    throw new DataError(
      'format=pdf: needs an installed Chromium, Chrome or Edge, and none was found. Install one, name it in DPTUNE_CHROMIUM, or open report.html in a browser and print it.',
    );
  }
  const scratch = await mkdtemp(join(tmpdir(), 'dptune-pdf-'));
  try {
    const page = join(scratch, 'report.html');
    await writeFile(page, html, { mode: 0o600 });
    await run(browser, [
      '--headless',
      // Root cannot have Chromium's sandbox; the page is our own, without scripts and under a policy that loads nothing.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      '--disable-gpu',
      '--no-pdf-header-footer',
      `--user-data-dir=${join(scratch, 'profile')}`,
      `--print-to-pdf=${resolve(out)}`,
      pathToFileURL(page).href,
    ]);
  } finally {
    await rm(scratch, { recursive: true, force: true, maxRetries: 3 });
  }
  if (!existsSync(out))
    throw new DataError(`out=${out}: ${browser} wrote nothing. Print report.html by hand.`);
}

function run(command: string, args: readonly string[]): Promise<void> {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: patience });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
    child.on('error', fail);
    child.on('close', (code) => {
      if (code === 0) done();
      else fail(new DataError(`${command}: ended with ${code ?? 'a signal'}. It said: ${said.slice(-500)}`));
    });
  });
}
