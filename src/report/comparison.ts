import { isGiven, unitInWords, type PlanFacts, type Report } from '../../audits/index.ts';

/** What of a plan or a report can be compared with another. */
export interface Comparable {
  /** Infinite where there is no guarantee. */
  readonly epsilon: number;
  readonly delta: number;
  /** In words. */
  readonly unit: string;
  readonly relation: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

export function comparablePlan({
  privacy,
  search,
  training,
  model,
  task,
  head,
  maxLength,
  frozenWeights,
}: PlanFacts): Comparable {
  const { delta, relation, unit, publicSize } = privacy;
  return {
    epsilon: (search ?? privacy).epsilon,
    delta,
    unit: unitInWords(unit),
    relation,
    settings: {
      baseModel: model.reference,
      task,
      head,
      maxTokens: maxLength,
      frozenWeights: frozenWeights ?? 'float32',
      publicSize,
      phases: privacy.phases.map(
        ({ name, samplingRate, strategy, expectedBatch, steps, clipping, noiseMultiplier }, index) => {
          const { method, optimizer, learningRate } = training[index]!;
          return {
            name,
            method,
            samplingRate,
            bands: strategy?.length ?? 1,
            expectedBatch,
            steps,
            clippingKind: clipping.kind,
            clippingNorm: clipping.norm,
            noiseMultiplier,
            optimizer: optimizer.kind,
            learningRate,
          };
        },
      ),
    },
  };
}

/** Of a report, what the model achieves can be compared, too. */
export function comparableReport({
  claim,
  unit,
  mechanism,
  dataset,
  baseModel,
  head,
  utility,
}: Report): Comparable {
  return {
    ...(isGiven(claim)
      ? { epsilon: claim.epsilon, delta: claim.delta, unit: claim.unit, relation: claim.relation }
      : { epsilon: Infinity, delta: NaN, unit: unit.definition, relation: unit.relation }),
    settings: {
      baseModel: baseModel.reference,
      task: dataset.task,
      head,
      maxTokens: unit.maxTokens,
      frozenWeights: isGiven(baseModel.frozenWeights) ? 'int8' : 'float32',
      publicSize: dataset.publicSize,
      phases: mechanism.phases.map((phase) => ({
        name: phase.name,
        method: phase.method,
        samplingRate: phase.samplingRate,
        bands: phase.bands,
        expectedBatch: phase.expectedBatch,
        steps: phase.steps,
        clippingKind: phase.clippingKind,
        clippingNorm: phase.clippingNorm,
        noiseMultiplier: isGiven(phase.noiseMultiplier) ? phase.noiseMultiplier : 0,
        optimizer: phase.optimizer,
        learningRate: phase.learningRate,
      })),
      ...Object.fromEntries(
        utility.models.map(({ name, figures }) => [
          name,
          Object.fromEntries(figures.map(({ metric, value }) => [metric, isGiven(value) ? value : null])),
        ]),
      ),
    },
  };
}

/** Why two epsilons must not stand side by side (NIST SP 800-226: different delta, different unit); empty if they may. */
export function whyIncomparable(a: Comparable, b: Comparable): string[] {
  const reasons = Object.entries({ a, b }).flatMap(([name, { epsilon }]) =>
    Number.isFinite(epsilon) ? [] : [`${name} is NOT PRIVATE and has no epsilon`],
  );
  if (reasons.length > 0) return reasons;
  if (a.unit !== b.unit) reasons.push(`a protects ${a.unit}, b ${b.unit}`);
  if (a.relation !== b.relation) {
    reasons.push(
      `the neighbouring relation of a is ${a.relation}, of b ${b.relation}: for the same protection one may be twice the other`,
    );
  }
  if (a.delta !== b.delta) {
    reasons.push(`the delta of a is ${a.delta}, of b ${b.delta}: a larger one makes epsilon look smaller`);
  }
  return reasons;
}
