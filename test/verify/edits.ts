import { copyFile, open, readFile, rename, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  sealEntry,
  signApproval,
  signCheckpoint,
  type Checkpoint,
  type LogEntry,
} from '../../privacy/index.ts';
import type { Report } from '../../audits/index.ts';
import { change, changed, plus, shorter, swapped, times, to, without, type Change } from './changes.ts';
import { newSigner, signAgain } from './released-run.ts';

/** One change to a released run, such as someone with access to the files could make. */
export interface Edit {
  readonly name: string;
  /** The check that has to find it; others may, too. */
  readonly found: string;
  /** @param run - the copy to change; @param other - another run of the same ledger, to take files from */
  readonly apply: (run: string, other: string) => Promise<unknown>;
}

function jsonEdit(document: string, found: string): (name: string, place: string, how: Change) => Edit {
  return (name, place, how) => ({
    name: `${document}: ${name}`,
    found,
    apply: (run) => change(run, document, place, how),
  });
}

function textEdit(file: string, name: string, found: string, from: RegExp, into: string): Edit {
  return {
    name: `${file}: ${name}`,
    found,
    apply: async (run) => {
      const path = join(run, 'release', file);
      const text = await readFile(path, 'utf8');
      if (!from.test(text)) throw new Error(`${file}: has no ${String(from)}`);
      await writeFile(path, text.replace(from, into));
    },
  };
}

function fileEdit(
  name: string,
  found: string,
  apply: (release: string, run: string) => Promise<unknown>,
): Edit {
  return { name, found, apply: (run) => apply(join(run, 'release'), run) };
}

function fromOtherRun(file: string, found: string): Edit {
  return {
    name: `${file}: of another run`,
    found,
    apply: (run, other) => copyFile(join(other, 'release', file), join(run, 'release', file)),
  };
}

const report = jsonEdit('report.json', 'report');
const reportEdits: readonly Edit[] = [
  report('epsilon', 'claim.epsilon', times(0.9)),
  report('delta', 'claim.delta', times(0.1)),
  report('mu', 'claim.gaussian.mu', times(0.99)),
  report('sentence of the guarantee', 'claim.statement', to('Nobody can learn anything.')),
  report('point of the privacy profile', 'claim.profile.0.epsilon', times(0.99)),
  report('attack rate', 'meaning.attacker.1.truePositiveRate', times(0.5)),
  report('posterior', 'meaning.attacker.0.posteriorFromHalf', times(0.9)),
  report('trade-off curve', 'meaning.tradeOff.3.falseNegativeRate', times(0.99)),
  report('epsilon of a group', 'unit.groups.0.epsilon', to(3)),
  report('noise multiplier', 'mechanism.phases.0.noiseMultiplier', to(2)),
  report('clipping norm', 'mechanism.phases.0.clippingNorm', to(0.5)),
  report('steps', 'mechanism.phases.0.steps', plus(-1)),
  report('second accountant', 'accounting.crossCheck.epsilon', times(0.9)),
  report('epsilon by step', 'accounting.curve.2.epsilon', times(0.9)),
  report('evidence for an assumption', 'accounting.assumptions.0.evidence', to('Trust us.')),
  report('public size', 'dataset.publicSize', to(100_000)),
  report('accuracy', 'utility.models.0.figures.0.value', plus(0.01)),
  report('bound of the audit', 'audit.0.epsilonLower', plus(0.1)),
  report('tests passed', 'implementationTests.passed', to(12)),
  report('budget left', 'ledger.remaining.value', plus(1)),
  report('name of an approver', 'approvals.0.name', to('director')),
  report('status of a hazard', 'hazards.1.status', to('addressed')),
  report('limit left out', 'limits', shorter),
  report('setting of the job', 'job.test', to('none')),
  jsonEdit('report.json', 'steps')('steps charged', 'mechanism.phases.0.stepsCharged', plus(-1)),
  jsonEdit('report.json', 'files')('digest of a file', 'artifacts.1.sha256', to('0'.repeat(64))),
  jsonEdit('report.json', 'renderings')('statement of the owner', 'statements.intendedUse', to('x')),
  jsonEdit('report.json', 'renderings')('date', 'meta.created', to('2020-01-01T00:00:00Z')),
  jsonEdit('report.json', 'schema')('a field more', 'certified', to(true)),
  jsonEdit('report.json', 'schema')('a field less', 'limits', to(undefined)),
  textEdit('report.json', 'a key twice', 'form', /"format": /, '"format": "x",\n  "format": '),
  textEdit('report.json', 'a number spelt otherwise', 'form', /"delta": 0\.0001/, '"delta": 1e-4'),
  textEdit('report.html', 'heading', 'renderings', /<h1[^>]*>/, '<h1>Certified. '),
  textEdit(
    'report.html',
    'a script',
    'renderings',
    /<\/body>/,
    '<script src="//example.org"></script></body>',
  ),
  textEdit('README.md', 'epsilon', 'renderings', /epsilon/, 'epsilon = 0.1, not'),
  textEdit(
    'bom.cdx.json',
    'epsilon',
    'renderings',
    /"dp:epsilon",\n(\s*)"value": "/,
    '"dp:epsilon",\n$1"value": "0',
  ),
  textEdit('opendp.yaml', 'epsilon', 'renderings', /epsilon: .*/, 'epsilon: 0.1'),
];

const plan = jsonEdit('plan.json', 'plan');
const planEdits: readonly Edit[] = [
  plan('noise multiplier', 'privacy.phases.0.noiseMultiplier', to(2)),
  plan('epsilon', 'privacy.epsilon', to(1)),
  plan('delta', 'privacy.delta', to(1e-6)),
  plan('steps', 'privacy.phases.0.steps', to(5)),
  plan('event', 'privacy.event.count', to(5)),
  plan('unit', 'privacy.unit', to({ kind: 'user', maxRecords: 3 })),
  plan('hash', 'privacy.hash', to('e'.repeat(64))),
  plan('learning rate', 'training.0.learningRate', to(1)),
  plan('digest of the base weights', 'model.files.0.sha256', to('f'.repeat(64))),
  jsonEdit('plan.json', 'report')('reason for a choice', 'reasons', to(['because'])),
  jsonEdit('plan.json', 'stamp')('stamp NOT PRIVATE', 'notPrivate', to(true)),
];

const audit = jsonEdit('audit.json', 'audit');
const fileEdits: readonly Edit[] = [
  fileEdit('weights: one bit', 'files', async (release) => {
    const file = await open(join(release, 'model', 'model.safetensors'), 'r+');
    const { size } = await file.stat();
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, size - 5);
    byte[0]! ^= 1;
    await file.write(byte, 0, 1, size - 5);
    await file.close();
  }),
  fileEdit('weights: cut', 'files', async (release) => {
    const path = join(release, 'model', 'model.safetensors');
    await truncate(path, (await stat(path)).size - 4);
  }),
  textEdit('model/config.json', 'architecture', 'files', /"model_type": ?"bert"/, '"model_type": "roberta"'),
  fileEdit('tokenizer left out', 'files', (release) => rm(join(release, 'model', 'vocab.txt'))),
  jsonEdit('metrics.json', 'report')('accuracy', 'private.accuracy', plus(0.01)),
  jsonEdit('metrics.json', 'stamp')('stamp NOT PRIVATE', 'notPrivate', to(true)),
  jsonEdit('conformance.json', 'report')('a test left out', 'checks', shorter),
  audit('bound', 'results.0.epsilonLower', plus(0.5)),
  audit('ceiling', 'results.1.ceiling', times(1.1)),
  audit('right guesses', 'results.0.v', plus(1)),
  audit('verdict', 'results.0.verdict', to('inconclusive')),
  audit('a score', 'scores.loss drop.0', plus(100)),
  audit('a coin', 'coins', (old) => String(old).replace(/.$/, (coin) => String(1 - Number(coin)))),
  audit('design', 'preregisteredHash', to('d'.repeat(64))),
  jsonEdit('audit.json', 'private')('losses', 'losses', to([0.7, 0.6])),
  fileEdit('audit left out', 'report', (release) => rm(join(release, 'audit.json'))),
  fileEdit('a file more', 'private', (release) => writeFile(join(release, 'notes.txt'), 'x')),
  fileEdit('a file more among the weights', 'files', (release) =>
    writeFile(join(release, 'model', 'merges.txt'), ''),
  ),
  fileEdit('step diagnostics', 'private', (release, run) =>
    copyFile(join(run, 'private', 'steps.ndjson'), join(release, 'steps.ndjson')),
  ),
  fileEdit('checkpoint under an innocent name', 'files', (release, run) =>
    copyFile(join(run, 'private', 'checkpoint.safetensors'), join(release, 'model', 'tokenizer.model')),
  ),
  fileEdit('journal: one step less', 'steps', async (_, run) => {
    const path = join(run, 'private', 'journal.ndjson');
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
    await writeFile(path, `${lines.slice(0, -1).join('\n')}\n`);
  }),
  fileEdit('report left out', 'schema', (release) => rm(join(release, 'report.json'))),
  fileEdit('page left out', 'renderings', (release) => rm(join(release, 'report.html'))),
  fileEdit('plan under another name', 'plan', (release) =>
    rename(join(release, 'plan.json'), join(release, 'Plan.json')),
  ),
];

const ledger = jsonEdit('ledger.json', 'ledger');
const ledgerEdits: readonly Edit[] = [
  ledger('charged', 'charged', times(0.5)),
  ledger('spent before', 'spentBefore', plus(0.01)),
  ledger('budget', 'scope.budget', to({ epsilon: 100 })),
  ledger('time of an entry', 'entries.1.entry.time', to('2020-01-01T00:00:00.000Z')),
  ledger('an entry, its hash made to fit', 'entries.1.entry', (old) => {
    const { hash: _, ...body } = old as LogEntry;
    return sealEntry({ ...body, actor: 'nobody' });
  }),
  ledger('order of the entries', 'entries', swapped(1)),
  ledger('last entry cut', 'entries', shorter),
  ledger('a charge left out', 'entries', without(2)),
  ledger('proof', 'entries.3.proof.0', to('0'.repeat(64))),
  ledger('size of the log', 'head.size', plus(-1)),
  ledger('root', 'head.root', to('a'.repeat(64))),
  ledger('signature of the checkpoint', 'checkpoint', (old) =>
    String(old)
      .replace(/(.)(.)(?=.{10}\n$)/, '$2$1A')
      .slice(0, String(old).length),
  ),
  {
    name: 'ledger.json: checkpoint by another key of the same name',
    found: 'ledger',
    apply: async (run) => {
      const { head } = JSON.parse(await readFile(join(run, 'release', 'ledger.json'), 'utf8')) as {
        head: Checkpoint;
      };
      await change(run, 'ledger.json', 'checkpoint', to(signCheckpoint(head, [newSigner('lab')])));
    },
  },
  ledger('checkpoint left out', 'checkpoint', to(null)),
  ledger('signature of an approval', 'approvals.0.signature', to(Buffer.alloc(64, 1).toString('base64'))),
  ledger('date of an approval', 'approvals.0.time', to('2020-01-01T00:00:00.000Z')),
  ledger('approval by someone else', 'approvals', (old) => {
    const [{ planHash, time }] = old as [{ planHash: string; time: string }];
    return [signApproval(planHash, time, newSigner('officer'))];
  }),
  ledger('approval left out', 'approvals', to([])),
  fileEdit('ledger left out', 'report', (release) => rm(join(release, 'ledger.json'))),
];

/** What a signature alone finds: the rest fits. */
const attestation = jsonEdit('attestation.dsse.json', 'attestation');
const signatureEdits: readonly Edit[] = [
  fileEdit('attestation left out', 'attestation', (release) => rm(join(release, 'attestation.dsse.json'))),
  attestation('one bit of the signature', 'signatures.0.sig', (old) => {
    const bytes = Buffer.from(String(old), 'base64');
    bytes[10]! ^= 4;
    return bytes.toString('base64');
  }),
  attestation('digest of a file', 'payload', (old) => {
    const statement = JSON.parse(Buffer.from(String(old), 'base64').toString()) as object;
    const other = changed(statement, 'subject.0.digest.sha256', to('0'.repeat(64)));
    return Buffer.from(JSON.stringify(other)).toString('base64');
  }),
  attestation('type of what is signed', 'payloadType', to('text/plain')),
  fileEdit('attestation.dsse.json: by another key of the same name', 'attestation', (_, run) =>
    signAgain(run, newSigner('lab')),
  ),
];

const swaps: readonly Edit[] = [
  fromOtherRun('plan.json', 'report'),
  fromOtherRun('metrics.json', 'files'),
  fromOtherRun('model/model.safetensors', 'files'),
  fromOtherRun('ledger.json', 'ledger'),
  fromOtherRun('report.json', 'report'),
  fromOtherRun('report.html', 'renderings'),
  fromOtherRun('README.md', 'renderings'),
  fromOtherRun('bom.cdx.json', 'renderings'),
  fromOtherRun('attestation.dsse.json', 'attestation'),
];

/** Refused before anything is checked: the tree itself is not fit to be opened. */
const hostile: readonly Edit[] = [
  fileEdit('a link for a file', 'refused', async (release, run) => {
    await rm(join(release, 'metrics.json'));
    await symlink(join(run, 'private', 'start.json'), join(release, 'metrics.json'));
  }),
  fileEdit('a name with a line break', 'refused', (release) => writeFile(join(release, 'a\nb'), '')),
];

export const edits: readonly Edit[] = [
  ...reportEdits,
  ...planEdits,
  ...fileEdits,
  ...ledgerEdits,
  ...signatureEdits,
  ...swaps,
  ...hostile,
];

const slightly: Change = (old) =>
  Number.isInteger(old) ? (old as number) + 1 : (old as number) * (1 - 1e-9);

/** The report with one number changed, for every number in it: by one, or in its tenth digit. */
export function changedNumbers(original: Report): { readonly place: string; readonly report: Report }[] {
  const places: string[] = [];
  const visit = (value: unknown, place: string): void => {
    if (typeof value === 'number') places.push(place.slice(1));
    else if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value)) visit(inner, `${place}.${key}`);
    }
  };
  visit(original, '');
  return places.map((place) => ({ place, report: changed(original, place, slightly) }));
}
