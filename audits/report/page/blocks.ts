import { isGiven, type Field } from '../schema-node.ts';
import { html, type Html } from './markup.ts';

type Cell = string | number | Html | undefined;

/** A field as people see it: its value, or why there is none. */
export function shown<T>(field: Field<T>, show: (value: T) => Cell = (value) => String(value)): Html {
  if (isGiven(field)) return html`${show(field)}`;
  return html`<span class="none">${sentenceOf(field.reason)}</span>`;
}

function sentenceOf(reason: string): string {
  return `${reason.charAt(0).toUpperCase()}${reason.slice(1)}${reason.endsWith('.') ? '' : '.'}`;
}

/** Names and values, one a row. */
export function facts(caption: string, rows: readonly (readonly [name: string, value: Cell])[]): Html {
  return html`<table class="facts">
    <caption>
      ${caption}
    </caption>
    <tbody>
      ${rows.map(
        ([name, value]) =>
          html`<tr>
            <th scope="row">${name}</th>
            <td>${value}</td>
          </tr> `,
      )}
    </tbody>
  </table>`;
}

/** A table with headings; it scrolls by itself where the page is narrow. */
export function table(
  caption: string,
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
): Html {
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0">
    <table>
      <caption>
        ${caption}
      </caption>
      <thead>
        <tr>
          ${headings.map((heading) => html`<th scope="col">${heading}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${row.map((cell, index) => (index === 0 ? html`<th scope="row">${cell}</th>` : html`<td>${cell}</td>`))}
            </tr> `,
        )}
      </tbody>
    </table>
  </div>`;
}

export function bullets(lines: readonly string[]): Html {
  return html`<ul>
    ${lines.map((line) => html`<li>${line}</li> `)}
  </ul>`;
}

/** A status with a sign of its own, so that it reads without colours. */
export function badge(tone: 'good' | 'warning' | 'bad' | 'plain', text: string): Html {
  return html`<span class="badge ${tone}">${text}</span>`;
}

export function section(id: string, title: string, ...content: readonly Cell[]): Html {
  return html`<section id="${id}" aria-labelledby="${id}-title">
    <h2 id="${id}-title">${title}</h2>
    ${content.map((part) => html`${part} `)}
  </section>`;
}
