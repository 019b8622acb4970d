import { timingSafeEqual } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { serve, type ServerType } from '@hono/node-server';
import { Hono, type Context } from 'hono';
import { DptuneError } from '../../privacy/index.ts';
import type { Ledger } from '../ledger/index.ts';
import { budgetNamed, budgetsIn, entriesIn, waitingIn } from './budgets.ts';
import { approvalsPage, budgetsPage, scopePage } from './budget-pages.ts';
import { problemPage, type Markup, type Site } from './layout.ts';
import { runPage, runsPage } from './run-pages.ts';
import { reportOf, runNamed, runsIn } from './runs.ts';
import { liveScript, styleSheet } from './style.ts';

/** The key with which approvals are signed. */
export interface ApprovalKey {
  readonly name: string;
  /** Signs the plan and enters the approval into the ledger. */
  readonly approve: (plan: string) => Promise<void>;
}

export interface ServeOptions {
  /** Directory with runs below it. */
  readonly root: string;
  readonly ledger: Ledger;
  /** At least 128 random bits; whoever knows it may look. */
  readonly token: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Without it, nothing can be changed. */
  readonly key?: ApprovalKey;
}

export interface LocalServer {
  /** What to open, token included. */
  readonly url: string;
  close(): Promise<void>;
}

const address = '127.0.0.1';
/** Our own pages: our style, our script, forms to ourselves, and nothing else. */
const ownPolicy =
  "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/** A report brings its style along and runs nothing; it also carries a policy of its own. */
const reportPolicy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * Serves budgets, runs, reports and approvals to this machine. The token stands in every path, so that neither another
 * user of the machine nor a page in the same browser can ask; a foreign Host header (DNS rebinding) is refused.
 */
export async function startServer(options: ServeOptions): Promise<LocalServer> {
  const app = new Hono({ strict: false });
  const server = await new Promise<ServerType>((resolve, reject) => {
    const made = serve({ fetch: app.fetch, hostname: address, port: options.port }, () => resolve(made));
    made.on('error', reject);
  });
  const { port } = server.address() as AddressInfo;
  addRoutes(app, options, [`${address}:${port}`, `localhost:${port}`]);
  return {
    url: `http://${address}:${port}/${options.token}/`,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        if ('closeAllConnections' in server) server.closeAllConnections();
      }),
  };
}

function show(context: Context, page: Markup, status: 200 | 404 | 409 = 200): Promise<Response> | Response {
  return context.html(page, status);
}

function addRoutes(app: Hono, { root, ledger, token, key }: ServeOptions, hosts: readonly string[]): void {
  const site: Site = { base: `/${token}/`, keyName: key?.name };
  const missing = (context: Context, what: string) =>
    show(context, problemPage(site, 'Not found', `${what}: there is none of that name here.`), 404);

  app.use(async (context, next) => {
    if (!hosts.includes(context.req.header('host') ?? '')) return context.text('misdirected request', 421);
    if (!sameText(context.req.path.split('/')[1] ?? '', token)) return context.text('not found', 404);
    context.header('Content-Security-Policy', ownPolicy);
    context.header('X-Content-Type-Options', 'nosniff');
    context.header('Referrer-Policy', 'no-referrer');
    context.header('Cache-Control', 'no-store');
    context.header('Cross-Origin-Resource-Policy', 'same-origin');
    context.header('Cross-Origin-Opener-Policy', 'same-origin');
    return next();
  });

  const pages = app.basePath('/:token');
  pages.get('/style.css', (context) => context.body(styleSheet, 200, { 'Content-Type': 'text/css' }));
  pages.get('/live.js', (context) => context.body(liveScript, 200, { 'Content-Type': 'text/javascript' }));
  pages.get('/', async (context) => show(context, budgetsPage(site, ledger.place, await budgetsIn(ledger))));
  pages.get('/scopes/:name', async (context) => {
    const name = context.req.param('name');
    const budget = await budgetNamed(ledger, name);
    if (!budget) return missing(context, name);
    return show(context, scopePage(site, budget, await entriesIn(ledger, name)));
  });
  pages.get('/runs', async (context) => show(context, runsPage(site, root, await runsIn(root))));
  pages.get('/runs/:name', async (context) => {
    const run = await runNamed(root, context.req.param('name'));
    return run ? show(context, runPage(site, run)) : missing(context, context.req.param('name'));
  });
  pages.get('/runs/:name/report', async (context) => {
    const run = await runNamed(root, context.req.param('name'));
    const report = run && (await reportOf(root, run));
    if (report === undefined) return missing(context, `report of ${context.req.param('name')}`);
    context.header('Content-Security-Policy', reportPolicy);
    return context.html(report);
  });
  pages.get('/approvals', async (context) => show(context, approvalsPage(site, await waitingIn(ledger))));
  pages.post('/approvals/:plan', async (context) => {
    if (!key) return context.text('read only: start with --key NAME', 403);
    const plan = context.req.param('plan');
    const waits = (await waitingIn(ledger)).some((one) => one.plan === plan);
    if (!waits) return missing(context, `plan ${plan}`);
    await key.approve(plan);
    return context.redirect(`${site.base}approvals`, 303);
  });
  app.notFound((context) => missing(context, context.req.path.slice(site.base.length)));
  app.onError((error, context) => {
    if (!(error instanceof DptuneError)) throw error;
    return show(context, problemPage(site, 'This did not work', error.message), 409);
  });
}

function sameText(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
