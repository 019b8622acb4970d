import { html } from 'hono/html';
import { roundedUp, type LogEntry } from '../../privacy/index.ts';
import type { Budget, WaitingPlan } from './budgets.ts';
import { pageOf, type Markup, type Site } from './layout.ts';

export function budgetsPage(site: Site, place: string, budgets: readonly Budget[]): Markup {
  return pageOf(site, {
    title: 'Budgets',
    lead: 'What may be learnt about each group of people, in all, and what is left of it.',
    current: 'budgets',
    live: true,
    body: [
      ...(budgets.length === 0
        ? [html`<p>No budget was opened in this ledger. <code>dptune budget init</code> opens one.</p>`]
        : budgets.map((budget) => budgetCard(site, budget))),
      html`<p class="soft">Ledger: <code>${place}</code></p>`,
    ],
  });
}

function budgetCard({ base }: Site, budget: Budget): Markup {
  const { scope, closed, unit, cap, spent, asEpsilon } = budget;
  const left = Math.max(0, cap - spent);
  const converted =
    asEpsilon === undefined
      ? ''
      : html`<dt>As epsilon</dt>
          <dd>
            ${roundedUp(asEpsilon.spent, 3)} of ${roundedUp(asEpsilon.cap, 3)} at delta ${scope.delta}
          </dd>`;
  return html`<section class="card">
    <h2>
      <a href="${base}scopes/${encodeURIComponent(scope.name)}">${scope.name}</a> ${closed ? '(closed)' : ''}
    </h2>
    <p class="lead">${scope.description}</p>
    <progress max="${cap}" value="${Math.min(spent, cap)}" aria-label="Share of the budget that is committed">
      ${shareOf(spent, cap)}
    </progress>
    <dl>
      <dt>Committed</dt>
      <dd>
        ${unit} ${roundedUp(spent, 3)} of ${cap} (${shareOf(spent, cap)}) at delta ${scope.delta},
        reservations included
      </dd>
      <dt>Left</dt>
      <dd>${unit} ${roundedDown(left)}</dd>
      ${converted}
      <dt>Protected</dt>
      <dd>${scope.unit === 'user' ? 'each person, with all of their records' : 'each single record'}</dd>
      ${
        scope.parent === undefined
          ? ''
          : html`<dt>Part of</dt>
              <dd><a href="${base}scopes/${encodeURIComponent(scope.parent)}">${scope.parent}</a></dd>`
      }
      ${dateRow('Ends', scope.expires)} ${dateRow('Review by', scope.review)}
    </dl>
  </section>`;
}

function dateRow(name: string, date: string | undefined): Markup | '' {
  return date === undefined
    ? ''
    : html`<dt>${name}</dt>
        <dd>${date}</dd>`;
}

const entryWords: Readonly<Record<string, string>> = {
  open: 'Budget opened',
  close: 'Budget closed',
  plan: 'Plan waits for approval',
  reserve: 'Budget reserved for a run',
  refuse: 'Refused',
  charge: 'Steps paid for in advance',
  settle: 'Run ended; unused budget returned',
  abort: 'Run given up',
  trust: 'Trusted keys changed',
  approve: 'Plan approved',
};

export function scopePage(site: Site, budget: Budget, entries: readonly LogEntry[]): Markup {
  const rows = entries.toReversed().map(
    ({ seq, time, type, actor, host, payload }) =>
      html`<tr>
        <td class="number">${seq}</td>
        <td>${time.slice(0, 19).replace('T', ' ')}</td>
        <td>${entryWords[type] ?? type}</td>
        <td>${detailOf(payload)}</td>
        <td>${actor} on ${host}</td>
      </tr>`,
  );
  return pageOf(site, {
    title: budget.scope.name,
    lead: budget.scope.description,
    current: undefined,
    live: true,
    body: [
      budgetCard(site, budget),
      html`<h2>Everything that happened to this budget</h2>
        <p class="lead">Entries are never changed or removed; <code>dptune budget verify</code> proves it.</p>
        <div class="scroll" role="region" aria-label="Entries" tabindex="0">
          <table>
            <thead>
              <tr>
                <th scope="col" class="number">Entry</th>
                <th scope="col">Time (UTC)</th>
                <th scope="col">What</th>
                <th scope="col">Details</th>
                <th scope="col">Who</th>
              </tr>
            </thead>
            <tbody>
              ${rows}
            </tbody>
          </table>
        </div>`,
      html`<p class="soft">${budget.scope.theorem}</p>`,
    ],
  });
}

function detailOf(payload: LogEntry['payload']): string {
  const { job, plan, reason, steps } = payload;
  const parts = [
    typeof reason === 'string' ? reason : undefined,
    typeof job === 'string' ? `job ${job}` : undefined,
    typeof plan === 'string' ? `plan ${plan.slice(0, 12)}` : undefined,
    typeof steps === 'object' && steps !== null
      ? Object.entries(steps)
          .map(([phase, count]) => `${phase}: ${count} steps`)
          .join(', ')
      : undefined,
  ];
  return parts.filter((part) => part !== undefined).join('; ');
}

export function approvalsPage(site: Site, waiting: readonly WaitingPlan[]): Markup {
  return pageOf(site, {
    title: 'Approvals',
    lead: 'Plans that may not be trained before enough people with trusted keys have signed them.',
    current: 'approvals',
    body:
      waiting.length === 0
        ? html`<p>No plan waits for approval.</p>`
        : waiting.map(
            ({ plan, scope, needed, given, since }) =>
              html`<section class="card">
                <h2>Plan <code>${plan.slice(0, 16)}</code></h2>
                <dl>
                  <dt>Budget</dt>
                  <dd><a href="${site.base}scopes/${encodeURIComponent(scope)}">${scope}</a></dd>
                  <dt>Whole hash</dt>
                  <dd><code>${plan}</code></dd>
                  <dt>Asked</dt>
                  <dd>${since.slice(0, 19).replace('T', ' ')} UTC</dd>
                  <dt>Approved by</dt>
                  <dd>
                    ${given.length === 0 ? 'nobody yet' : given.join(', ')} (${given.length} of ${needed})
                  </dd>
                </dl>
                ${approveForm(site, plan, given)}
              </section>`,
          ),
  });
}

function approveForm({ base, keyName }: Site, plan: string, given: readonly string[]): Markup {
  if (keyName === undefined) {
    return html`<p class="soft">
      To approve here, start with <code>dptune serve --key NAME</code>; or run
      <code>dptune budget approve ${plan}</code>.
    </p>`;
  }
  if (given.includes(keyName)) return html`<p class="good">Approved with your key.</p>`;
  return html`<form method="post" action="${base}approvals/${plan}">
    <button type="submit">Approve as ${keyName}</button>
  </form>`;
}

function shareOf(part: number, whole: number): string {
  return `${Math.round((100 * part) / whole)} %`;
}

/** What is left of a budget, in three digits that never say more. */
function roundedDown(value: number): string {
  if (value === 0) return '0';
  const unit = 10 ** (Math.floor(Math.log10(value)) - 2);
  return String(Number((Math.floor(value / unit) * unit).toPrecision(3)));
}
