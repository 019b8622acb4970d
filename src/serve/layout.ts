import { html } from 'hono/html';
import type { HtmlEscapedString } from 'hono/utils/html';

export type Markup = HtmlEscapedString | Promise<HtmlEscapedString>;

/** What every page needs to link to others. */
export interface Site {
  /** Path under which everything lies, with the token; ends in `/`. */
  readonly base: string;
  /** Name of the key that approvals are signed with; undefined where nothing can be changed. */
  readonly keyName: string | undefined;
}

interface Page {
  readonly title: string;
  readonly lead: string;
  readonly current: 'budgets' | 'runs' | 'approvals' | undefined;
  readonly live?: boolean;
  readonly body: Markup | readonly Markup[];
}

const sections = [
  ['budgets', 'Budgets', ''],
  ['runs', 'Runs', 'runs'],
  ['approvals', 'Approvals', 'approvals'],
] as const;

export function pageOf({ base, keyName }: Site, { title, lead, current, live = false, body }: Page): Markup {
  const links = sections.map(
    ([id, label, path]) =>
      html`<li><a href="${base}${path}" ${id === current ? html`aria-current="page"` : ''}>${label}</a></li>`,
  );
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} - dptune</title>
        <link rel="stylesheet" href="${base}style.css" />
        <link rel="icon" href="data:," />
        <script src="${base}live.js" defer></script>
      </head>
      <body>
        <header>
          <p>dptune</p>
          <nav aria-label="Sections">
            <ul>
              ${links}
            </ul>
          </nav>
        </header>
        <main ${live ? html`data-live` : ''}>
          <h1>${title}</h1>
          <p class="lead">${lead}</p>
          ${body}
        </main>
        <footer>
          <p>
            ${keyName === undefined ? 'Read only.' : html`Approvals are signed with the key <code>${keyName}</code>.`}
            Served to this machine alone.
          </p>
        </footer>
      </body>
    </html>`;
}

export function problemPage(site: Site, title: string, message: string): Markup {
  return pageOf(site, { title, lead: message, current: undefined, body: [] });
}
