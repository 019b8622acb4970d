/** One style sheet for screen, print, light and dark. Contrast of all text is at least 4.5 to 1 in both schemes. */
export const styleSheet = `
:root {
  color-scheme: light dark;
  --paper: #fff; --ink: #1c2128; --muted: #545d68; --faint: #8a94a0; --line: #dde1e6; --soft: #f5f6f8;
  --accent: #1f4e8c; --good: #1d6b41; --warning: #7d5300; --bad: #a3231b;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15181c; --ink: #e7eaee; --muted: #a9b2bd; --faint: #7a8592; --line: #323840; --soft: #1d2126;
    --accent: #86b4f0; --good: #7bc79b; --warning: #e0b45c; --bad: #f0928a;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; overflow-wrap: break-word; }
main, footer { max-width: 50rem; margin: 0 auto; padding: 0 1.25rem; }
.cover { padding-top: 3rem; }
h1, h2, .number, .formal { font-family: Georgia, 'Times New Roman', serif; font-weight: 600; text-wrap: balance; }
h1 { font-size: 2.1rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.4rem; line-height: 1.3; margin: 2.75rem 0 0.75rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 0.5rem; }
.kind { margin: 0 0 0.5rem; font-size: 0.8rem; letter-spacing: 0.12em; text-transform: uppercase; color: var(--muted); }
.subject { margin: -0.25rem 0 1.25rem; color: var(--muted); }
.lead { font-size: 1.15rem; margin: 0; padding: 0.9rem 1.1rem; background: var(--soft); border-left: 4px solid var(--faint); }
.lead.good { border-color: var(--good); } .lead.warning { border-color: var(--warning); } .lead.bad { border-color: var(--bad); }
.origin { margin: 0.75rem 0 0; font-size: 0.85rem; color: var(--muted); }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: 1.5rem; margin: 2rem 0 0; }
.numbers > div { border-top: 2px solid var(--ink); padding-top: 0.75rem; }
.numbers p { margin: 0; font-size: 0.92rem; }
.numbers .number { font-size: 2.2rem; line-height: 1.2; margin-bottom: 0.4rem; font-variant-numeric: lining-nums; }
.formal { font-size: 1.1rem; font-weight: 400; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); gap: 0 2rem; }
ul { padding-left: 1.2rem; margin: 0.5rem 0; } li { margin: 0.3rem 0; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: 0 0 0.4rem; }
th, td { text-align: left; vertical-align: top; padding: 0.45rem 0.9rem 0.45rem 0; border-top: 1px solid var(--line); }
thead th { color: var(--muted); font-weight: 500; border-top: 0; }
tbody th { font-weight: 500; }
.facts th { width: 12rem; color: var(--muted); }
.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
code, pre { font-family: ui-monospace, 'DejaVu Sans Mono', monospace; font-size: 0.82em; overflow-wrap: anywhere; white-space: pre-wrap; margin: 0; }
.badge { display: inline-block; font-size: 0.8rem; line-height: 1.4; font-weight: 600; padding: 0 0.5rem; border: 1px solid currentColor; border-radius: 1rem; margin-right: 0.3rem; white-space: nowrap; }
.badge.good { color: var(--good); } .badge.warning { color: var(--warning); } .badge.bad { color: var(--bad); } .badge.plain { color: var(--muted); }
.none { color: var(--muted); } .interval { display: block; font-size: 0.85em; color: var(--muted); white-space: nowrap; }
.lines { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: 2.5rem 2rem; margin-top: 2.5rem; }
.lines p { border-top: 1px solid var(--faint); margin: 0; padding-top: 0.25rem; font-size: 0.8rem; color: var(--muted); }
figure { margin: 1.5rem 0; } figcaption { font-weight: 600; font-size: 0.9rem; margin-bottom: 0.5rem; }
figure svg { display: block; max-width: 100%; height: auto; }
.contents { margin-top: 3rem; } .contents ol { columns: 2; column-gap: 2rem; padding-left: 1.6rem; margin: 0; } .contents li { margin: 0 0 0.3rem; } .contents h2 { margin-top: 0; }
a { color: var(--accent); }
footer { margin-top: 3rem; padding-bottom: 3rem; color: var(--muted); font-size: 0.85rem; }
.stamp { background: var(--bad); color: var(--paper); text-align: center; font-weight: 700; letter-spacing: 0.2em; padding: 0.35rem; margin: 0; }
@media (max-width: 36rem) {
  h1 { font-size: 1.7rem; } .cover { padding-top: 1.5rem; } .contents ol { columns: 1; }
  .facts tr { display: block; border-top: 1px solid var(--line); padding: 0.4rem 0; }
  .facts caption, .facts tbody { display: block; }
  .facts th, .facts td { display: block; width: auto; border: 0; padding: 0; }
}
@page { size: A4; margin: 18mm 16mm; @bottom-right { content: counter(page) ' / ' counter(pages); font: 8pt system-ui, sans-serif; color: #444; } }
@media print {
  :root { color-scheme: light; --paper: #fff; --ink: #111; --muted: #444; --faint: #777; --line: #ccc; --soft: #f4f4f4; --accent: #1f4e8c; --good: #14532d; --warning: #6b4600; --bad: #8f1d16; }
  body { font-size: 10.5pt; line-height: 1.4; } main, footer { max-width: none; padding: 0; } .cover { padding-top: 0; }
  h1 { font-size: 20pt; } h2 { font-size: 13pt; margin-top: 1.4rem; break-after: avoid; } h3, caption, figcaption { break-after: avoid; }
  tr, figure, .numbers, .signatures { break-inside: avoid; } .scroll { overflow: visible; }
  .numbers { grid-template-columns: repeat(3, 1fr); gap: 1rem; margin-top: 1rem; } .numbers .number { font-size: 20pt; }
  .lines { grid-template-columns: repeat(3, 1fr); margin-top: 2rem; } .meaning { break-before: page; } .pair { grid-template-columns: 1fr 1fr; }
  .contents { break-after: page; } .stamp { border: 1px solid currentColor; background: none; color: var(--bad); }
}
`;
