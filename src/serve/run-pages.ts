import { html } from 'hono/html';
import { roundedUp } from '../../privacy/index.ts';
import { pageOf, type Markup, type Site } from './layout.ts';
import type { Run } from './runs.ts';

export function runsPage(site: Site, root: string, runs: readonly Run[]): Markup {
  const rows = runs.map(({ name, status }) => {
    if ('fault' in status) {
      return html`<tr>
        <th scope="row">${name}</th>
        <td class="bad" colspan="3">${status.fault}</td>
      </tr>`;
    }
    const { plan, nonPrivate, finished, phases } = status;
    const [charged, steps] = totals(phases);
    return html`<tr>
      <th scope="row"><a href="${runPath(site, name)}">${name}</a></th>
      <td>
        ${
          nonPrivate
            ? html`<span class="bad">NOT PRIVATE</span>`
            : `epsilon ${roundedUp(plan.search?.epsilon ?? plan.privacy.epsilon, 4)} at delta ${plan.privacy.delta}`
        }
      </td>
      <td>${finished ? 'finished' : `${charged} of ${steps} steps`}</td>
      <td>
        ${finished ? html`<a href="${runPath(site, name)}/report">report<span class="soft"> of ${name}</span></a>` : ''}
      </td>
    </tr>`;
  });
  return pageOf(site, {
    title: 'Runs',
    lead: 'Trainings below the directory that is served, with what each of them promises.',
    current: 'runs',
    live: true,
    body: [
      runs.length === 0
        ? html`<p>No run lies there yet.</p>`
        : html`<div class="scroll" role="region" aria-label="Runs" tabindex="0">
            <table>
              <thead>
                <tr>
                  <th scope="col">Run</th>
                  <th scope="col">Guarantee</th>
                  <th scope="col">State</th>
                  <th scope="col">Evidence</th>
                </tr>
              </thead>
              <tbody>
                ${rows}
              </tbody>
            </table>
          </div>`,
      html`<p class="soft">Directory: <code>${root}</code></p>`,
    ],
  });
}

export function runPage(site: Site, { name, status }: Run): Markup {
  if ('fault' in status) {
    return pageOf(site, {
      title: name,
      lead: 'This run cannot be read.',
      current: undefined,
      body: html`<p class="bad">${status.fault}</p>`,
    });
  }
  const { plan, nonPrivate, finished, phases, lastCharge } = status;
  const { privacy } = plan;
  const bars = phases.map(
    ({ name: phase, steps, charged }) =>
      html`<section class="card">
        <h2>Phase ${phase}</h2>
        <progress max="${steps}" value="${charged}" aria-label="Steps of phase ${phase}"></progress>
        <p>${charged} of ${steps} steps ${nonPrivate ? 'taken' : 'charged'}</p>
      </section>`,
  );
  return pageOf(site, {
    title: name,
    lead: finished
      ? 'This run is finished, evaluated and released.'
      : 'This run is in progress, or was interrupted and can be resumed.',
    current: undefined,
    live: !finished,
    body: [
      html`<dl>
        <dt>Guarantee</dt>
        <dd>
          ${
            nonPrivate
              ? html`<span class="bad">none: NOT PRIVATE</span>`
              : `epsilon ${roundedUp(plan.search?.epsilon ?? privacy.epsilon, 4)} at delta ${privacy.delta}, for ${privacy.unit.kind === 'user' ? 'each person' : 'each record'}`
          }
        </dd>
        <dt>Model</dt>
        <dd>${plan.model.reference}</dd>
        <dt>Plan</dt>
        <dd><code>${privacy.hash}</code></dd>
        ${
          lastCharge === undefined
            ? ''
            : html`<dt>Last step</dt>
                <dd>${new Date(lastCharge).toISOString().slice(0, 19).replace('T', ' ')} UTC</dd>`
        }
      </dl>`,
      ...bars,
      ...(finished ? [html`<p><a href="${runPath(site, name)}/report">Read the report</a></p>`] : []),
    ],
  });
}

function runPath({ base }: Site, name: string): string {
  return `${base}runs/${encodeURIComponent(name)}`;
}

function totals(phases: readonly { readonly steps: number; readonly charged: number }[]): [number, number] {
  return [
    phases.reduce((sum, { charged }) => sum + charged, 0),
    phases.reduce((sum, { steps }) => sum + steps, 0),
  ];
}
