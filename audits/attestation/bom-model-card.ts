import { isGiven } from '../report/schema-node.ts';
import type { Report } from '../report/schema.ts';
import { BOM_REFS, type Json } from './bom-parts.ts';

type Measured = Report['utility']['models'][number];
type Figure = Measured['figures'][number];

/** The model card: what the model does, how well, and what it must not be taken for. */
export function modelCardOf(report: Report): Json {
  const { dataset, head, prompts, utility, statements, limits, hazards } = report;
  const { intendedUse, outOfScopeUse, recipients } = statements;
  return {
    modelParameters: {
      approach: {
        type: dataset.task === 'generation' && !isGiven(prompts) ? 'self-supervised' : 'supervised',
      },
      task: dataset.task,
      modelArchitecture: `${report.baseModel.reference}${isGiven(head) ? `, head: ${head}` : ''}`,
      datasets: [{ ref: BOM_REFS.trainingData }],
    },
    quantitativeAnalysis: { performanceMetrics: utility.models.flatMap(metricsOf) },
    considerations: {
      ...(isGiven(recipients) && { users: [recipients] }),
      ...(isGiven(intendedUse) && { useCases: [intendedUse] }),
      technicalLimitations: [
        ...limits,
        ...(isGiven(outOfScopeUse) ? [`Must not be used for: ${outOfScopeUse}`] : []),
      ],
      performanceTradeoffs: [utility.caveat],
      ethicalConsiderations: hazards
        .filter(({ status }) => status !== 'not applicable')
        .map(({ title, evidence }) => ({ name: title, mitigationStrategy: evidence })),
    },
  };
}

/** A slice is named after its model, its column and its value. */
function metricsOf({ name, role, figures, slices }: Measured): Json[] {
  const whole = role === 'released' ? name : `${role}: ${name}`;
  return [
    ...figures.flatMap((figure) => metricOf(figure, whole)),
    ...Object.entries(slices).flatMap(([column, values]) =>
      values.flatMap((value) =>
        value.figures.flatMap((figure) => metricOf(figure, `${whole}, ${column} = ${value.name}`)),
      ),
    ),
  ];
}

function metricOf({ metric, value, interval }: Figure, slice: string): Json[] {
  if (!isGiven(value)) return [];
  return [
    {
      type: metric,
      value: String(value),
      slice,
      ...(isGiven(interval) && {
        confidenceInterval: { lowerBound: String(interval.lower), upperBound: String(interval.upper) },
      }),
    },
  ];
}
