import { copyFile, open, readFile, rename, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  sealEntry,
  signApproval,
  signCheckpoint,
  type LedgerDocument,
  type LogEntry,
} from '../../privacy/index.ts';
import type { Report } from '../../audits/index.ts';
import { edit, newSigner, signAgain } from './released-run.ts';

/** One change to a released run, such as someone with access to the files could make. */
export interface Edit {
  readonly name: string;
  /** The check that has to find it; others may, too. */
  readonly found: string;
  /** @param run - the copy to change; @param other - another run of the same ledger, to take files from */
  readonly apply: (run: string, other: string) => Promise<unknown>;
}

type Json = Record<string, any>;
type Writable<T> = { -readonly [K in keyof T]: T[K] extends object ? Writable<T[K]> : T[K] };

function reportEdit(name: string, change: (report: Json) => unknown, found = 'report'): Edit {
  return { name: `report: ${name}`, found, apply: (run) => edit<Json>(run, 'report.json', change) };
}

function planEdit(name: string, change: (plan: Json) => unknown, found = 'plan'): Edit {
  return { name: `plan: ${name}`, found, apply: (run) => edit<Json>(run, 'plan.json', change) };
}

function ledgerEdit(name: string, change: (ledger: Writable<LedgerDocument>) => unknown): Edit {
  return {
    name: `ledger: ${name}`,
    found: 'ledger',
    apply: (run) => edit<Writable<LedgerDocument>>(run, 'ledger.json', change),
  };
}

function textEdit(file: string, from: RegExp, to: string, found: string): Edit {
  return {
    name: `${file}: ${String(from)} becomes ${to}`,
    found,
    apply: async (run) => {
      const path = join(run, 'release', file);
      const text = await readFile(path, 'utf8');
      if (!from.test(text)) throw new Error(`${file}: has no ${String(from)}`);
      await writeFile(path, text.replace(from, to));
    },
  };
}

function swap(file: string, found: string): Edit {
  return {
    name: `${file}: of another run`,
    found,
    apply: (run, other) => copyFile(join(other, 'release', file), join(run, 'release', file)),
  };
}

function fileEdit(
  name: string,
  found: string,
  apply: (release: string, run: string) => Promise<unknown>,
): Edit {
  return { name, found, apply: (run) => apply(join(run, 'release'), run) };
}

const reportEdits: readonly Edit[] = [
  reportEdit('epsilon lower', ({ claim }) => void (claim.epsilon *= 0.9)),
  reportEdit('delta smaller', ({ claim }) => void (claim.delta /= 10)),
  reportEdit('mu lower', ({ claim }) => void (claim.gaussian.mu *= 0.99)),
  reportEdit(
    'sentence of the guarantee',
    ({ claim }) => void (claim.statement = 'Nobody can learn anything.'),
  ),
  reportEdit('point of the privacy profile', ({ claim }) => void (claim.profile[0].epsilon *= 0.99)),
  reportEdit('attack rate', ({ meaning }) => void (meaning.attacker[1].truePositiveRate *= 0.5)),
  reportEdit('posterior', ({ meaning }) => void (meaning.attacker[0].posteriorFromHalf *= 0.9)),
  reportEdit('trade-off curve', ({ meaning }) => void (meaning.tradeOff[3].falseNegativeRate *= 1.01)),
  reportEdit('epsilon of a group', ({ unit }) => void (unit.groups[0].epsilon = 3)),
  reportEdit('noise multiplier', ({ mechanism }) => void (mechanism.phases[0].noiseMultiplier = 2)),
  reportEdit('clipping norm', ({ mechanism }) => void (mechanism.phases[0].clippingNorm = 0.5)),
  reportEdit('steps', ({ mechanism }) => void (mechanism.phases[0].steps -= 1)),
  reportEdit('steps charged', ({ mechanism }) => void (mechanism.phases[0].stepsCharged -= 1), 'steps'),
  reportEdit('second accountant', ({ accounting }) => void (accounting.crossCheck.epsilon *= 0.9)),
  reportEdit('epsilon by step', ({ accounting }) => void (accounting.curve[2].epsilon *= 0.9)),
  reportEdit('assumption', ({ accounting }) => void (accounting.assumptions[0].evidence = 'Trust us.')),
  reportEdit('public size', ({ dataset }) => void (dataset.publicSize = 100_000)),
  reportEdit('accuracy', ({ utility }) => void (utility.models[0].figures[0].value += 0.01)),
  reportEdit('bound of the audit', ({ audit }) => void (audit[0].epsilonLower = 0.1)),
  reportEdit('test that passed', ({ implementationTests }) => void (implementationTests.passed = 12)),
  reportEdit('budget left', ({ ledger }) => void (ledger.remaining.value += 1)),
  reportEdit('approval', ({ approvals }) => void (approvals[0].name = 'director')),
  reportEdit('hazard', ({ hazards }) => void (hazards[1].status = 'addressed')),
  reportEdit('limit left out', ({ limits }) => void limits.pop()),
  reportEdit(
    'digest of the weights',
    ({ artifacts }) => void (artifacts.at(-1).sha256 = '0'.repeat(64)),
    'files',
  ),
  reportEdit('statement of the owner', ({ statements }) => void (statements.intendedUse = 'x'), 'renderings'),
  reportEdit('date', ({ meta }) => void (meta.created = '2020-01-01T00:00:00Z'), 'renderings'),
  reportEdit('setting of the job', ({ job }) => void (job.test = 'none')),
  reportEdit('a field more', (report) => void (report['certified'] = true), 'schema'),
  reportEdit('a field less', (report) => void delete report['limits'], 'schema'),
  textEdit('report.json', /"format": /, '"format": "dptune-report/0",\n  "format": ', 'form'),
  textEdit('report.json', /"delta": 0\.0001/, '"delta": 1e-4', 'form'),
  textEdit('report.html', /<h1[^>]*>/, '<h1>Certified. ', 'renderings'),
  textEdit(
    'report.html',
    /<\/body>/,
    '<script src="https://example.org/x.js"></script></body>',
    'renderings',
  ),
  textEdit('README.md', /epsilon/, 'epsilon = 0.1, not', 'renderings'),
  textEdit(
    'bom.cdx.json',
    /"dp:epsilon",\n(\s*)"value": "[^"]*"/,
    '"dp:epsilon",\n$1"value": "1"',
    'renderings',
  ),
  textEdit('opendp.yaml', /epsilon: .*/, 'epsilon: 0.1', 'renderings'),
];

const planEdits: readonly Edit[] = [
  planEdit('noise multiplier', ({ privacy }) => void (privacy.phases[0].noiseMultiplier = 2)),
  planEdit('epsilon', ({ privacy }) => void (privacy.epsilon = 1)),
  planEdit('delta', ({ privacy }) => void (privacy.delta = 1e-6)),
  planEdit('steps', ({ privacy }) => void (privacy.phases[0].steps = 5)),
  planEdit('event', ({ privacy }) => void (privacy.event.count = 5)),
  planEdit('unit', ({ privacy }) => void (privacy.unit = { kind: 'user', maxRecords: 3 })),
  planEdit('hash', ({ privacy }) => void (privacy.hash = 'e'.repeat(64))),
  planEdit('learning rate', ({ training }) => void (training[0].learningRate = 1)),
  planEdit('digest of the base weights', ({ model }) => void (model.files[0].sha256 = 'f'.repeat(64))),
  planEdit('why the recipe chose', ({ reasons }) => void reasons.push('because'), 'report'),
  planEdit('stamp NOT PRIVATE', (plan) => ({ notPrivate: true, ...plan }), 'stamp'),
];

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
  textEdit('model/config.json', /"model_type": ?"bert"/, '"model_type": "roberta"', 'files'),
  fileEdit('tokenizer left out', 'files', (release) => rm(join(release, 'model', 'vocab.txt'))),
  fileEdit('metrics: accuracy', 'report', (_, run) =>
    edit<Json>(run, 'metrics.json', ({ private: own }) => void (own.accuracy = 0.99)),
  ),
  fileEdit('metrics: stamp', 'stamp', (_, run) =>
    edit<Json>(run, 'metrics.json', (metrics) => ({ notPrivate: true, ...metrics })),
  ),
  fileEdit('tests: one more', 'report', (_, run) =>
    edit<Json>(run, 'conformance.json', ({ checks }) => void checks.push({ ...checks[0], id: 'clip' })),
  ),
  fileEdit('audit: bound', 'report', (_, run) =>
    edit<Json>(run, 'audit.json', ({ results }) => void (results[0].epsilonLower = 0)),
  ),
  fileEdit('audit left out', 'report', (release) => rm(join(release, 'audit.json'))),
  fileEdit('a file more', 'files', (release) => writeFile(join(release, 'notes.txt'), 'x')),
  fileEdit('a file more among the weights', 'files', (release) =>
    writeFile(join(release, 'model', 'merges.txt'), ''),
  ),
  fileEdit('step diagnostics', 'private', (release, run) =>
    copyFile(join(run, 'private', 'steps.ndjson'), join(release, 'steps.ndjson')),
  ),
  fileEdit('checkpoint under an innocent name', 'files', (release, run) =>
    copyFile(join(run, 'private', 'checkpoint.safetensors'), join(release, 'adapter_model.safetensors')),
  ),
  fileEdit('losses among the figures of an audit', 'private', (_, run) =>
    edit<Json>(run, 'audit.json', (audit) => ({ ...audit, losses: [0.7, 0.6] })),
  ),
  fileEdit('journal: one step less', 'steps', async (_, run) => {
    const path = join(run, 'private', 'journal.ndjson');
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
    await writeFile(path, `${lines.slice(0, -1).join('\n')}\n`);
  }),
  fileEdit('report left out', 'schema', (release) => rm(join(release, 'report.json'))),
  fileEdit('page left out', 'renderings', (release) => rm(join(release, 'report.html'))),
  fileEdit('plan: name in other case', 'plan', (release) =>
    rename(join(release, 'plan.json'), join(release, 'Plan.json')),
  ),
];

const ledgerEdits: readonly Edit[] = [
  ledgerEdit('charged less', (ledger) => void (ledger.charged *= 0.5)),
  ledgerEdit('spent before', (ledger) => void (ledger.spentBefore = 0.01)),
  ledgerEdit('budget', ({ scope }) => void (scope.budget = { epsilon: 100 })),
  ledgerEdit('time of an entry', ({ entries }) => void (entries[1]!.entry.time = '2020-01-01T00:00:00.000Z')),
  ledgerEdit('actor, hash made to fit', ({ entries }) => {
    const { hash: _, ...body } = entries[1]!.entry;
    entries[1]!.entry = sealEntry({ ...body, actor: 'nobody' } as Omit<
      LogEntry,
      'hash'
    >) as Writable<LogEntry>;
  }),
  ledgerEdit('order', ({ entries }) => void entries.splice(1, 2, entries[2]!, entries[1]!)),
  ledgerEdit('last entry cut', ({ entries }) => void entries.pop()),
  ledgerEdit('a charge left out', ({ entries }) => void entries.splice(2, 1)),
  ledgerEdit('proof', ({ entries }) => void ((entries.at(-1)!.proof as string[])[0] = '0'.repeat(64))),
  ledgerEdit('size of the log', ({ head }) => void (head.size -= 1)),
  ledgerEdit('root', ({ head }) => void (head.root = 'a'.repeat(64))),
  ledgerEdit('signature of the checkpoint', (ledger) => {
    ledger.checkpoint = ledger.checkpoint!.replace(/.{6}(?=\n$)/, (end) => [...end].toReversed().join(''));
  }),
  ledgerEdit('checkpoint by another key', (ledger) => {
    ledger.checkpoint = signCheckpoint(ledger.head, [newSigner('lab')]);
  }),
  ledgerEdit('checkpoint taken out', (ledger) => void (ledger.checkpoint = null)),
  ledgerEdit('approval: signature', ({ approvals }) => {
    approvals[0]!.signature = Buffer.alloc(64, 1).toString('base64');
  }),
  ledgerEdit('approval: date', ({ approvals }) => void (approvals[0]!.time = '2020-01-01T00:00:00.000Z')),
  ledgerEdit('approval: by someone else', (ledger) => {
    ledger.approvals = [signApproval(ledger.plan, '2026-11-24T10:00:00.000Z', newSigner('officer'))];
  }),
  ledgerEdit('approval left out', (ledger) => void (ledger.approvals = [])),
  fileEdit('ledger left out', 'report', (release) => rm(join(release, 'ledger.json'))),
];

/** Found by a signature alone: whoever made them made everything else fit. */
const signatureEdits: readonly Edit[] = [
  fileEdit('attestation left out', 'attestation', (release) => rm(join(release, 'attestation.dsse.json'))),
  fileEdit('attestation: one bit of the signature', 'attestation', (_, run) =>
    edit<Json>(run, 'attestation.dsse.json', ({ signatures }) => {
      const bytes = Buffer.from(signatures[0].sig as string, 'base64');
      bytes[10]! ^= 4;
      signatures[0].sig = bytes.toString('base64');
    }),
  ),
  fileEdit('attestation: digest of the weights', 'attestation', (_, run) =>
    edit<Json>(run, 'attestation.dsse.json', (envelope) => {
      const statement = JSON.parse(Buffer.from(envelope['payload'] as string, 'base64').toString()) as Json;
      statement['subject'][0].digest.sha256 = '0'.repeat(64);
      envelope['payload'] = Buffer.from(JSON.stringify(statement)).toString('base64');
    }),
  ),
  fileEdit('attestation: by another key of the same name', 'attestation', (_, run) =>
    signAgain(run, newSigner('lab')),
  ),
];

const swaps: readonly Edit[] = [
  swap('plan.json', 'report'),
  swap('metrics.json', 'files'),
  swap('model/model.safetensors', 'files'),
  swap('ledger.json', 'ledger'),
  swap('report.json', 'report'),
  swap('report.html', 'renderings'),
  swap('README.md', 'renderings'),
  swap('bom.cdx.json', 'renderings'),
  swap('attestation.dsse.json', 'attestation'),
];

export const edits: readonly Edit[] = [
  ...reportEdits,
  ...planEdits,
  ...fileEdits,
  ...ledgerEdits,
  ...signatureEdits,
  ...swaps,
];

/** Refused before anything is checked: the tree itself is not fit to be opened. */
export const hostileTrees: readonly Edit[] = [
  fileEdit('a link for a file', 'refused', async (release, run) => {
    await rm(join(release, 'metrics.json'));
    await symlink(join(run, 'private', 'start.json'), join(release, 'metrics.json'));
  }),
  fileEdit('a name with a line break', 'refused', (release) => writeFile(join(release, 'a\nb'), '')),
];

/** The report with one number changed, for every number in it. */
export function changedNumbers(report: Report): { readonly path: string; readonly report: Report }[] {
  const changed: { path: string; report: Report }[] = [];
  const visit = (value: unknown, keys: readonly string[]): void => {
    if (typeof value === 'number') {
      const copy = structuredClone(report) as unknown as Json;
      const parent = keys.slice(0, -1).reduce<Json>((at, key) => at[key] as Json, copy);
      parent[keys.at(-1)!] = Number.isInteger(value) ? value + 1 : value * (1 - 1e-9);
      changed.push({ path: keys.join('.'), report: copy as unknown as Report });
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value)) visit(inner, [...keys, key]);
    }
  };
  visit(report, []);
  return changed;
}
