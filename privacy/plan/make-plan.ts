import type { Relation } from '../accounting/index.ts';
import { InvalidParameterError } from '../errors.ts';
import type { DeclaredRead } from '../mechanism/reads.ts';
import { bandedStrategy } from '../mechanism/strategy.ts';
import { list, objectOf, wholeNumber } from './fields.ts';
import { calibratedNoise, noiseScalesOf } from './noise-calibration.ts';
import type { NoiseWeight } from './noise-calibration.ts';
import { phaseOf, stepsOf } from './phase.ts';
import type { Clipping, Phase, PhaseNumbers } from './phase.ts';
import { deltaOf, planOf, targetOf } from './plan.ts';
import type { Plan, PrivacyUnit, Target } from './plan.ts';
import { selectionOf } from './selection.ts';
import type { Selection } from './selection.ts';

/** A phase as asked for. Give `epochs` or `steps`, not both. */
export interface PhaseSettings extends NoiseWeight {
  readonly name: string;
  /** Units in a step on average; need not be whole. */
  readonly expectedBatch: number;
  readonly epochs?: number;
  readonly steps?: number;
  readonly clipping: Clipping;
  /** Bands of correlated noise, 2 or more; independent noise unless given. */
  readonly bands?: number;
}

/** The privacy section of a job. Give `epsilon` (the noise is calibrated) or `noiseMultiplier` (epsilon is reported). */
export interface PlanSettings {
  readonly unit: PrivacyUnit;
  readonly relation: Relation;
  /** Number of units, as everyone may know it; treated as public. */
  readonly publicSize: number;
  readonly selection?: Selection;
  readonly delta: number;
  readonly epsilon?: number;
  readonly noiseMultiplier?: number;
  readonly phases: readonly PhaseSettings[];
  /** Reads of private data beside the noisy sums; the charged ones are part of epsilon (G13). */
  readonly reads?: readonly DeclaredRead[];
  /** Digests of what the plan is tied to, by name: data files, base weights, code (G26). */
  readonly bindings?: Readonly<Record<string, string>>;
}

const SETTINGS =
  'unit relation publicSize selection delta epsilon noiseMultiplier phases reads bindings'.split(' ');
const PHASE_SETTINGS = 'name expectedBatch epochs steps clipping bands noiseScale share'.split(' ');

/**
 * Turns a job's privacy section into its plan. With a target epsilon, one factor on all phases' noise is calibrated so
 * that phases and charged reads together cost at most that epsilon (G22).
 *
 * Unknown settings are refused, so that a performance setting can never enter a plan or its hash.
 * @throws InvalidParameterError for both or neither of epsilon and noiseMultiplier, or any number outside its domain
 * @throws CalibrationError if no noise meets the target
 */
export function makePlan(settings: PlanSettings): Plan {
  objectOf('settings', settings, SETTINGS);
  const { unit, relation, reads = [], bindings = {}, selection } = settings;
  const publicSize = wholeNumber('publicSize', settings.publicSize, 1, 'It counts units.');
  const delta = deltaOf(settings.delta, publicSize);
  const target = targetOf(targetIn(settings));
  const population = selectionOf(selection, { unit, relation, publicSize }) && 'selection';
  const drafts = list('phases', settings.phases).map((phase) => draftOf(phase, publicSize, population));
  const noise = noiseOf(drafts, settings, target);
  const phases = drafts.map(({ name, expectedBatch, steps, clipping, strategy }, i) => {
    return {
      name,
      expectedBatch,
      steps,
      clipping,
      noiseMultiplier: noise[i]!,
      ...(strategy && { strategy }),
    };
  });
  return planOf({
    unit,
    relation,
    publicSize,
    ...(selection && { selection }),
    delta,
    target,
    phases,
    reads,
    bindings,
  });
}

function targetIn({ epsilon, noiseMultiplier }: PlanSettings): Target {
  if (epsilon !== undefined && noiseMultiplier === undefined) return { kind: 'epsilon', epsilon };
  if (noiseMultiplier !== undefined && epsilon === undefined)
    return { kind: 'noise-multiplier', noiseMultiplier };
  throw new InvalidParameterError(
    `epsilon=${epsilon}, noiseMultiplier=${noiseMultiplier}: exactly one must be given. ` +
      'Give epsilon to have the noise calibrated, or noiseMultiplier to have epsilon reported.',
  );
}

type Draft = Omit<PhaseNumbers, 'noiseMultiplier'> & NoiseWeight & Pick<Phase, 'samplingRate' | 'population'>;

function draftOf(given: unknown, publicSize: number, population: Phase['population']): Draft {
  objectOf('phase', given, PHASE_SETTINGS);
  const { epochs, steps: givenSteps, bands, ...rest } = given as PhaseSettings;
  if ((epochs === undefined) === (givenSteps === undefined)) {
    throw new InvalidParameterError(
      `epochs=${epochs}, steps=${givenSteps}: exactly one must be given for phase ${rest.name}. Leave one out.`,
    );
  }
  const steps = givenSteps ?? stepsOf({ publicSize, expectedBatch: rest.expectedBatch, epochs: epochs! });
  const phase = bands === undefined ? rest : { ...rest, strategy: bandedStrategy(bands, steps) };
  // With any noise, to refuse what is wrong before calibrating for it.
  const { samplingRate } = phaseOf({ ...phase, steps, noiseMultiplier: 1 }, publicSize, population);
  return { ...phase, steps, samplingRate, ...(population && { population }) };
}

function noiseOf(drafts: readonly Draft[], settings: PlanSettings, target: Target): number[] {
  if (target.kind === 'noise-multiplier') {
    return noiseScalesOf(drafts).map((scale) => scale * target.noiseMultiplier);
  }
  const { delta, relation, reads = [] } = settings;
  return calibratedNoise(drafts, reads, { epsilon: target.epsilon, delta, relation });
}
