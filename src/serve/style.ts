/** One style sheet for all pages, light and dark; readable on a phone and on paper. */
export const styleSheet = `
:root {
  color-scheme: light dark;
  --ink: #1c2430; --soft: #4d5a6b; --line: #cfd6df; --page: #ffffff; --card: #f5f7fa;
  --accent: #0b5cad; --good: #17663a; --bad: #a3231f; --spent: #0b5cad;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6eaf0; --soft: #aab4c2; --line: #3a4452; --page: #12161c; --card: #1a2029;
    --accent: #7db7f2; --good: #7ccf9c; --bad: #f2938e; --spent: #5f9fe0;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
header, main, footer { max-width: 62rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 1.25rem; border-bottom: 1px solid var(--line); }
header p { margin: 0; font-weight: 600; letter-spacing: .02em; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: 1.25rem; padding: 0; margin: .5rem 0 .75rem; }
a { color: var(--accent); text-underline-offset: .15em; }
a[aria-current] { color: var(--ink); font-weight: 600; text-decoration: none; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 1.5rem 0 .5rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
section.card { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: 1rem 1.25rem; margin: 1rem 0; }
section.card h2 { margin: 0 0 .25rem; }
p.lead { color: var(--soft); margin: 0 0 1rem; max-width: 44rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .4rem 1rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; }
td.number, th.number { text-align: right; }
progress { width: 100%; height: .9rem; accent-color: var(--spent); }
code { font-size: .9em; overflow-wrap: anywhere; }
.soft { color: var(--soft); }
.good { color: var(--good); }
.bad { color: var(--bad); font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.25rem; margin: .5rem 0; }
dt { color: var(--soft); }
dd { margin: 0; }
button { font: inherit; padding: .4rem .9rem; border-radius: .35rem; border: 1px solid var(--accent); background: var(--accent); color: var(--page); cursor: pointer; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
footer { color: var(--soft); font-size: .875rem; padding-top: 2rem; padding-bottom: 2rem; }
@media (max-width: 34rem) { dl { grid-template-columns: 1fr; } dt { margin-top: .5rem; } }
@media print { nav, button { display: none; } }
`;

/** Redraws the page's main part while something in it moves. */
export const liveScript = `
const every = 2000;
const main = document.querySelector('main[data-live]');
if (main) {
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(location.href, { headers: { accept: 'text/html' } });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const fresh = page.querySelector('main');
      if (fresh && fresh.innerHTML !== main.innerHTML) main.innerHTML = fresh.innerHTML;
    } catch {
      // the server went away; the page stays as it was
    }
  }, every);
}
`;
