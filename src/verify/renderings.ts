import { releaseTexts, renderings } from '../../audits/index.ts';
import { always, notChecked, unless, type Rule } from './check.ts';
import { ATTESTATION } from './release-paths.ts';
import { whyNotRebuilt } from './report.ts';

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
    const texts = await releaseTexts(report);
    const made = Object.entries(texts).flatMap(([name, text]) => {
      const content = release.files.get(name)?.content;
      if (!content) return [`${name}: is missing`];
      return content.equals(Buffer.from(text)) ? [] : [`${name}: is not what follows from report.json`];
    });
    const foreign = renderings.filter(
      (name) =>
        release.files.has(name) && ![...Object.keys(texts), 'report.json', ATTESTATION].includes(name),
    );
    return unless(
      [...made, ...foreign.map((name) => `${name}: does not follow from report.json`)],
      Object.keys(texts).join(', '),
    );
  },
};
