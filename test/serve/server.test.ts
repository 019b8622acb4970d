import { request } from 'node:http';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { identityOf, openLedger, type Ledger } from '../../src/ledger/index.ts';
import { startServer, type LocalServer } from '../../src/serve/index.ts';
import { chromiumPath, inspect, launchBrowser, noBrowser } from '../support/browser.ts';
import { createWorkplace, newRun, runJob, tinyJob, type Workplace } from '../support/tiny-job.ts';

const token = 'a-token-of-at-least-128-random-bits';
const waitingPlan = 'ab'.repeat(32);
const sampled = {
  kind: 'poisson-sampled',
  rate: 0.01,
  event: { kind: 'gaussian', noiseMultiplier: 1 },
} as const;

let place: Workplace;
let ledger: Ledger;
let root: string;
let readOnly: LocalServer;
const approved: string[] = [];

beforeAll(async () => {
  place = await createWorkplace();
  root = join(place.root, 'runs');
  await mkdir(root);
  const run = newRun({ ...place, root });
  await runJob(await tinyJob(place), run);
  await writeFile(join(place.root, 'secret.txt'), 'nobody may read this');
  ledger = await openLedger(join(place.root, 'ledger.db'), identityOf('test'));
  const shared = { unit: 'user', relation: 'add-or-remove-one' } as const;
  const description = 'Patients <script>alert(1)</script> & relatives';
  await ledger.openScope({ ...shared, name: 'ward', description, delta: 1e-6, budget: { epsilon: 4 } });
  const demand = { phases: [{ name: 'head', steps: 50, event: sampled }], once: [] };
  const asked = { ...shared, job: 'j', scope: 'ward', plan: waitingPlan, demand };
  await ledger.reserve({ ...asked, approvals: 1 }).catch(() => 'waits');
  readOnly = await startServer({ root, ledger, token, port: 0 });
});
afterAll(async () => {
  await readOnly.close();
  await ledger.close();
  place.remove();
});

/** A raw request: fetch would not let a test choose the Host header. */
function ask(
  url: string,
  options: { method?: string; host?: string } = {},
): Promise<{ status: number; body: string; headers: NodeJS.Dict<string | string[]> }> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', host } = options;
    const sent = request(url, { method, ...(host !== undefined && { headers: { host } }) }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (text: string) => (body += text));
      answer.on('end', () => resolve({ status: answer.statusCode!, body, headers: answer.headers }));
    });
    sent.on('error', reject).end();
  });
}

describe('the local pages', () => {
  test('are shown to nobody without the token, or through a foreign name', async () => {
    const { origin } = new URL(readOnly.url);
    expect((await ask(`${origin}/`)).status).toBe(404);
    expect((await ask(`${origin}/${token.slice(0, -1)}x/`)).status).toBe(404);
    expect((await ask(readOnly.url, { host: 'evil.example' })).status).toBe(421);
    expect((await ask(readOnly.url)).status).toBe(200);
    expect(origin).toMatch(/^http:\/\/127\.0\.0\.1:/);
  });

  test('run no script but their own and escape what the ledger says', async () => {
    const { body, headers } = await ask(readOnly.url);
    expect(body).toContain('Patients &lt;script&gt;alert(1)&lt;/script&gt; &amp; relatives');
    expect(headers['content-security-policy']).toContain("script-src 'self'");
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['cache-control']).toBe('no-store');
  });

  test.each(['runs/..%2Fsecret.txt', 'runs/%2e%2e%2fsecret.txt/report', 'runs/none', 'scopes/none', 'other'])(
    'have nothing at %s',
    async (path) => {
      const { status, body } = await ask(readOnly.url + path);
      expect(status).toBe(404);
      expect(body).not.toContain('nobody may read this');
    },
  );

  test('show a run, and what it promises', async () => {
    const { body } = await ask(`${readOnly.url}runs`);
    const name = /runs\/(run-\d+)"/.exec(body)![1]!;
    expect(body).toContain('finished');
    expect((await ask(`${readOnly.url}runs/${name}`)).body).toContain('6 of 6 steps');
  });

  test('change nothing without a key', async () => {
    const { status } = await ask(`${readOnly.url}approvals/${waitingPlan}`, { method: 'POST' });
    expect(status).toBe(403);
  });

  test('approve a waiting plan with the key, and no other plan', async () => {
    const key = { name: 'officer', approve: async (plan: string) => void approved.push(plan) };
    const server = await startServer({ root, ledger, token, port: 0, key });
    try {
      expect((await ask(`${server.url}approvals/${'cd'.repeat(32)}`, { method: 'POST' })).status).toBe(404);
      expect((await ask(`${server.url}approvals/${waitingPlan}`, { method: 'POST' })).status).toBe(303);
      expect(approved).toEqual([waitingPlan]);
    } finally {
      await server.close();
    }
  });
});

describe.skipIf(chromiumPath === undefined)(`in a browser (${noBrowser})`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  test.each(['', 'runs', 'approvals', 'scopes/ward'])(
    'page "%s" is clean, light and dark, wide and narrow',
    async (path) => {
      for (const options of [{}, { colorScheme: 'dark', viewport: { width: 390, height: 800 } }] as const) {
        const { page, complaints, requests, violations } = await inspect(
          browser,
          readOnly.url + path,
          options,
        );
        expect(complaints).toEqual([]);
        expect(violations).toEqual([]);
        expect(requests.filter((url) => !url.startsWith(readOnly.url) && !url.startsWith('data:'))).toEqual(
          [],
        );
        const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
        expect(overflow).toBeLessThanOrEqual(0);
        await page.context().close();
      }
    },
  );

  test('a page follows the ledger without being loaded again', async () => {
    const { page } = await inspect(browser, readOnly.url);
    const more = { unit: 'user', relation: 'add-or-remove-one', delta: 1e-6 } as const;
    await ledger.openScope({ ...more, name: 'later', description: 'Later', budget: { mu: 1 } });
    const link = page.getByRole('link', { name: 'later' });
    await link.waitFor({ timeout: 20_000 });
    expect(await link.isVisible()).toBe(true);
    await page.context().close();
  });
});
