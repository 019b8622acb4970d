import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  canonicalHash,
  demandOf,
  forecast,
  InvalidParameterError,
  remedyOf,
  signApproval,
  validateEvent,
  type Demand,
  type Plan,
} from '../../privacy/index.ts';
import { openKey } from '../ledger/index.ts';
import { readPlanFile } from '../train/index.ts';
import type { Action } from './actions.ts';
import { ledgerOption, onLedger, type LedgerArguments } from './budget-ledger.ts';
import { jsonIn } from './given.ts';
import { passphraseFor, passphraseOption } from './passphrase.ts';

interface DemandArguments extends LedgerArguments {
  readonly scope: string;
  readonly plan: string | undefined;
  readonly event: string | undefined;
}

const demandOptions = {
  scope: { type: 'string', demandOption: true, requiresArg: true, describe: 'Name of the scope' },
  plan: { type: 'string', requiresArg: true, describe: 'A plan.json', conflicts: 'event' },
  event: {
    type: 'string',
    requiresArg: true,
    describe: 'A file with a mechanism as JSON, such as {"kind": "gaussian", "noiseMultiplier": 5}',
  },
  ledger: ledgerOption,
} as const;

interface Asked {
  readonly plan: string;
  readonly demand: Demand;
  readonly unit?: Plan['unit']['kind'];
  readonly relation?: Plan['relation'];
}

async function askedBy({ plan, event }: DemandArguments): Promise<Asked> {
  if (plan !== undefined) {
    const { privacy } = await readPlanFile(plan);
    const { hash, unit, relation } = privacy;
    return { plan: hash, demand: demandOf(privacy), unit: unit.kind, relation };
  }
  if (event === undefined) {
    throw new InvalidParameterError(
      'plan, event: one of them must be given. Give --plan plan.json or --event FILE.',
    );
  }
  const once = validateEvent(await jsonIn(event));
  return { plan: canonicalHash(once), demand: { phases: [], once: [once] } };
}

interface ReserveArguments extends DemandArguments {
  readonly approvals: number;
}

export const reserve: Action<ReserveArguments> = {
  command: 'reserve',
  describe: 'Set budget aside for something that dptune train does not run',
  builder: (parser) =>
    parser
      .options(demandOptions)
      .option('approvals', { type: 'number', default: 0, requiresArg: true, describe: 'Approvals it needs' })
      .example(
        '$0 budget reserve --scope customers --event histogram.json',
        'then publish, then release --spent',
      ),
  handler: (args) =>
    onLedger(args, async (ledger, output) => {
      const { scope } = await ledger.scope(args.scope);
      const job = await ledger.reserve({
        job: randomUUID(),
        scope: args.scope,
        unit: scope.unit,
        relation: scope.relation,
        approvals: args.approvals,
        ...(await askedBy(args)),
      });
      output.line(`reserved ${job.id}`);
      output.line(
        `When it was published: dptune budget release ${job.id} --spent; if it never will be, without --spent.`,
      );
      output.event({ event: 'reserved', job });
    }),
};

interface ReleaseArguments extends LedgerArguments {
  readonly job: string;
  readonly spent: boolean;
  readonly reason: string;
}

export const release: Action<ReleaseArguments> = {
  command: 'release <job>',
  describe: 'End a reservation; what was charged stays charged',
  builder: (parser) =>
    parser
      .positional('job', { type: 'string', demandOption: true, describe: 'Name of the reservation' })
      .option('spent', { type: 'boolean', default: false, describe: 'All of it was used: charge the whole' })
      .option('reason', { type: 'string', default: 'released by hand', requiresArg: true, describe: 'Why' })
      .option('ledger', ledgerOption),
  handler: (args) =>
    onLedger(args, async (ledger, output) => {
      const { demand } = await ledger.job(args.job);
      const all = Object.fromEntries(demand.phases.map(({ name, steps }) => [name, steps]));
      if (args.spent) await ledger.charge(args.job, all);
      const job = args.spent ? await ledger.settle(args.job, all) : await ledger.abort(args.job, args.reason);
      output.line(`job ${job.id}: ${job.state}`);
      output.event({ event: 'released', job });
    }),
};

interface ApproveArguments extends LedgerArguments {
  readonly plan: string;
  readonly key: string;
  readonly 'passphrase-file': string | undefined;
}

export const approve: Action<ApproveArguments> = {
  command: 'approve <plan>',
  describe: 'Approve a plan with your key',
  builder: (parser) =>
    parser
      .positional('plan', { type: 'string', demandOption: true, describe: 'A plan.json, or the hash of one' })
      .option('key', {
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: 'Your key, by dptune keys',
      })
      .option('passphrase-file', passphraseOption)
      .option('ledger', ledgerOption),
  handler: (args) =>
    onLedger(args, async (ledger, output) => {
      const hash = await planHashIn(args.plan);
      const signer = openKey(args.key, await passphraseFor(args.key, args['passphrase-file']));
      const approval = signApproval(hash, new Date().toISOString(), signer);
      await ledger.approve(approval);
      const valid = await ledger.approvalsOf(hash);
      const counts = valid.some(({ publicKey }) => publicKey === approval.publicKey);
      output.line(`plan ${hash}: approved by ${args.key}; approvals that count: ${valid.length}`);
      if (!counts)
        output.note(`${args.key} is not trusted here yet: dptune keys trust ${approval.publicKey}`);
      output.event({ event: 'approved', approval, counts, approvals: valid.length });
    }),
};

async function planHashIn(plan: string): Promise<string> {
  if (existsSync(plan)) return (await readPlanFile(plan)).privacy.hash;
  if (/^[0-9a-f]{64}$/.test(plan)) return plan;
  throw new InvalidParameterError(
    `plan=${plan}: is neither a file nor the 64 digits of a plan's hash. Name one.`,
  );
}

export const whatif: Action<DemandArguments> = {
  command: 'whatif',
  describe: 'Show what a plan would cost a budget, without reserving it',
  builder: (parser) => parser.options(demandOptions),
  handler: (args) =>
    onLedger(args, async (ledger, output) => {
      const { demand } = await askedBy(args);
      const scopes = await ledger.lineage(args.scope);
      const forecasts = forecast(scopes, demand);
      output.table(
        forecasts.map(({ scope, balance, fits }) => ({
          scope,
          unit: balance.unit,
          committed: Number(balance.spentBefore.toPrecision(5)),
          'this costs': Number(balance.charged.toPrecision(5)),
          'left after': Number(balance.remaining.toPrecision(5)),
          fits: fits ? 'yes' : 'no',
        })),
      );
      const fits = forecasts.every((one) => one.fits);
      const remedy = fits ? undefined : remedyOf(scopes, demand);
      if (remedy) {
        const { noiseMultipliers, steps } = remedy;
        if (noiseMultipliers.length > 0)
          output.line(
            `It would fit with noise multiplier ${noiseMultipliers.map((x) => x.toPrecision(4)).join(', ')}.`,
          );
        if (steps) output.line(`It would fit with ${Object.values(steps).join(' + ')} steps.`);
      }
      output.event({ event: 'whatif', fits, forecasts, remedy: remedy ?? null });
    }),
};
