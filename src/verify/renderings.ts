import { renderBom, type Report } from '../../audits/index.ts';
import { always, notChecked, unless, type Rule } from './check.ts';
import { whyNotRebuilt } from './report.ts';

/** Each rendering is a function of report.json alone. */
const RENDERERS: Readonly<Record<string, (report: Report) => string | Promise<string>>> = {
  'bom.cdx.json': renderBom,
};

export const renderingsRule: Rule = {
  id: 'renderings',
  title: 'What people read is what the report says',
  explanation:
    'report.html, the model card README.md, the registry entry and the bill of materials are made anew from report.json and compared byte by byte: no other sentence or figure can stand in them.',
  isNeeded: always,
  run: async (subject) => {
    const { report, release } = subject;
    const unready = whyNotRebuilt(subject);
    if (unready !== undefined || !report) return notChecked(unready ?? 'report.json cannot be read');
    const faults: string[] = [];
    for (const [name, render] of Object.entries(RENDERERS)) {
      const content = release.files.get(name)?.content;
      if (!content) faults.push(`${name}: is missing`);
      else if (!content.equals(Buffer.from(await render(report))))
        faults.push(`${name}: is not what follows from report.json`);
    }
    return unless(faults, Object.keys(RENDERERS).join(', '));
  },
};
