import type { Kind } from './subject.ts';

/** One place of the sources, and what a mistake would make of it. `find` occurs in the file exactly once. */
export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A mistake that a developer of a private trainer makes, put into ours. */
export interface Mutation {
  readonly name: string;
  /** Whether it is one of the fourteen of G36; the others are further ways to be wrong. */
  readonly listed: boolean;
  /** The job that shows it. */
  readonly job: Kind;
  readonly edits: readonly Edit[];
}

const phase = 'src/train/phase.ts';
const mechanism = 'privacy/mechanism/mechanism.ts';
const noise = 'privacy/mechanism/noise.ts';

const unclipped: Edit = {
  file: phase,
  find: `        isPrivate
          ? privateGradient({ ...request, clipping: { ...clipping, norm: clipThreshold } })
          : plainGradient(request),`,
  replace: '        plainGradient(request),',
};

const clipAll = (norm: string): string =>
  `rescale(gradient.values, Math.min(1, ${norm} / Math.hypot(...gradient.values)));`;

const listed: readonly Omit<Mutation, 'listed'>[] = [
  {
    name: 'noise off',
    job: 'head',
    edits: [{ file: noise, find: 'standardDeviation * normals[i]!', replace: '0 * normals[i]!' }],
  },
  {
    name: 'noise scaled for a mean',
    job: 'head',
    edits: [
      {
        file: mechanism,
        find: 'const { noiseStandardDeviation: standardDeviation, latticeSpacing } = phase;',
        replace:
          'const { latticeSpacing } = phase; const standardDeviation = phase.noiseStandardDeviation / phase.divisor;',
      },
    ],
  },
  {
    name: 'sigma per parameter group',
    job: 'full',
    edits: [
      {
        file: noise,
        find: 'addNoiseToChunk(part, noise, settings)',
        replace:
          'addNoiseToChunk(part, noise, { ...settings, standardDeviation: settings.standardDeviation / Math.sqrt(Object.keys(sums).length) })',
      },
    ],
  },
  {
    name: 'clip after averaging',
    job: 'full',
    edits: [
      unclipped,
      {
        file: phase,
        find: 'await world.sum(gradient.values);',
        replace: `await world.sum(gradient.values); ${clipAll('phase.clipping.norm * Math.max(1, units.length)')}`,
      },
    ],
  },
  {
    name: 'clip the batch',
    job: 'full',
    edits: [
      unclipped,
      {
        file: phase,
        find: 'const diagnostics = await sumGradients(units, { batches, take: () => engine.take() }, gradient.views);',
        replace: `let diagnostics = { norms: [] as number[], losses: [] as number[], dropped: 0 };
      const total = new Float32Array(gradient.values.length);
      for (const part of source.batches(units)) {
        diagnostics = await sumGradients(part.unitIndices, { batches, take: () => engine.take() }, gradient.views);
        ${clipAll('phase.clipping.norm')}
        for (let i = 0; i < total.length; i++) total[i]! += gradient.values[i]!;
      }
      gradient.values.set(total);`,
      },
    ],
  },
  {
    name: 'divide by the realised batch',
    job: 'head',
    edits: [
      {
        file: phase,
        find: 'rescale(gradient.values, scaleOf(training, phase));',
        replace:
          'rescale(gradient.values, (scaleOf(training, phase) * phase.divisor) / Math.max(1, units.length));',
      },
    ],
  },
  {
    name: 'shuffle for Poisson',
    job: 'head',
    edits: [
      {
        file: mechanism,
        find: '  checkPhase(phase);\n',
        replace: '  checkPhase(phase);\n  let order: number[] = [];\n',
      },
      {
        file: mechanism,
        find: 'return poissonSample(units, phase.samplingRate, stream);',
        replace: `const size = Math.max(1, Math.round(units * phase.samplingRate));
      if (order.length < size) {
        const keys = Array.from({ length: units }, () => stream.float64());
        order = Array.from(keys.keys()).sort((a, b) => keys[a]! - keys[b]!);
      }
      return Uint32Array.from(order.splice(0, size)).sort();`,
      },
    ],
  },
  {
    name: 'reused stream on resume',
    job: 'head',
    edits: [
      {
        file: 'privacy/random/privacy-stream.ts',
        find: 'Uint8Array.from(randomBytes(KEY_BYTES))',
        replace: 'new Uint8Array(KEY_BYTES)',
      },
    ],
  },
  {
    name: 'noise per micro-batch',
    job: 'full',
    edits: [
      {
        file: phase,
        find: '  mechanismOf,\n  nonPrivateMechanismOf,',
        replace: '  addNoise,\n  mechanismOf,\n  nonPrivateMechanismOf,',
      },
      {
        file: phase,
        find: "let stepRng = rng.fork('start');",
        replace: "let stepRng = rng.fork('start'); let cuts = 0;",
      },
      {
        file: phase,
        find: 'const inputs = feedsOf(network, batch, stepRng);',
        replace: 'const inputs = feedsOf(network, batch, stepRng); cuts += 1;',
      },
      {
        file: phase,
        find: 'await mechanism.release(gradient.views, yieldToEvents);',
        replace: `const { noiseStandardDeviation: standardDeviation, latticeSpacing } = phase;
      for (; stream && cuts > 1; cuts--) await addNoise(gradient.views, { standardDeviation, latticeSpacing }, stream);
      cuts = 0;
      await mechanism.release(gradient.views, yieldToEvents);`,
      },
    ],
  },
  {
    name: 'one step too many',
    job: 'head',
    edits: [
      {
        file: 'privacy/mechanism/step-guard.ts',
        find: 'if (count >= steps) {',
        replace: 'if (count > steps) {',
      },
      {
        file: 'src/train/phase-loop.ts',
        find: 'while (run.taken < steps &&',
        replace: 'while (run.taken <= steps &&',
      },
    ],
  },
  {
    name: 'adapter half clipped',
    job: 'lora',
    edits: [
      {
        file: 'src/graph/gradient.ts',
        find: 'clipFactors(b, squares, request.clipping)',
        replace:
          "clipFactors(b, new Map([...squares].filter(([name]) => !name.includes('lora_B'))), request.clipping)",
      },
      {
        file: 'src/graph/gradient.ts',
        find: 'factors.get(name)!)',
        replace: 'factors.get(name) ?? b.expand(b.scalar(1), [units]))',
      },
    ],
  },
  {
    name: 'resume without charge',
    job: 'head',
    edits: [
      {
        file: phase,
        find: 'const taken = journal.charged(phase.name);',
        replace:
          "const taken = (saved?.state['optimizerStep'] as number | undefined) ?? journal.charged(phase.name);",
      },
    ],
  },
  {
    name: 'embeddings unclipped',
    job: 'full',
    edits: [
      {
        file: 'src/graph/accounts.ts',
        find: 'rows: flat(b, scale(use.columns))',
        replace: 'rows: flat(b, use.columns)',
      },
    ],
  },
  {
    name: 'non-finite bypass',
    job: 'full',
    edits: [
      {
        file: 'src/engines/onnx/accumulators.ts',
        find: '      if (!unitNorms.every(Number.isFinite)) return;\n',
        replace: '',
      },
      {
        file: 'src/train/gradient.ts',
        find: '.every(Number.isFinite)',
        replace: '.every(() => true)',
      },
      { file: noise, find: 'return nonFinite === 0;', replace: 'return nonFinite !== 1;' },
    ],
  },
];

const further: readonly Omit<Mutation, 'listed'>[] = [
  {
    name: "a run's stream from the job's seed",
    job: 'head',
    edits: [
      {
        file: 'src/train/run-phases.ts',
        find: 'import { createReadRegistry, secureStream } from',
        replace: 'import { createReadRegistry, seededStream } from',
      },
      {
        file: 'src/train/run-phases.ts',
        find: '(options.stream ?? secureStream())',
        replace: '(options.stream ?? seededStream(plan.seed))',
      },
    ],
  },
  {
    name: 'a step fewer accounted than taken',
    job: 'head',
    edits: [
      { file: 'privacy/plan/phase.ts', find: 'count: phase.steps,', replace: 'count: phase.steps - 1,' },
    ],
  },
  {
    name: 'sampling rate 5 % above the plan',
    job: 'head',
    edits: [
      {
        file: mechanism,
        find: 'return poissonSample(units, phase.samplingRate, stream);',
        replace: 'return poissonSample(units, Math.min(1, 1.05 * phase.samplingRate), stream);',
      },
    ],
  },
  {
    name: 'noise 2 % below the plan',
    job: 'head',
    edits: [
      {
        file: noise,
        find: 'standardDeviation * normals[i]!',
        replace: '0.98 * standardDeviation * normals[i]!',
      },
    ],
  },
  {
    name: 'batches of a fixed size',
    job: 'head',
    edits: [
      {
        file: mechanism,
        find: 'return poissonSample(units, phase.samplingRate, stream);',
        replace: `const keys = Array.from({ length: units }, () => stream.float64());
      const order = Array.from(keys.keys()).sort((a, b) => keys[a]! - keys[b]!);
      return Uint32Array.from(order.slice(0, Math.round(units * phase.samplingRate))).sort();`,
      },
    ],
  },
  {
    name: 'one draw of noise for all tensors',
    job: 'full',
    edits: [
      {
        file: noise,
        find: '  const normals = new Float64Array(',
        replace: '  const key = stream.uint32();\n  const normals = new Float64Array(',
      },
      {
        file: noise,
        find: 'fillNormals(noise, stream);',
        replace: 'fillNormals(noise, seededStream(key));',
      },
      {
        file: noise,
        find: "import type { PrivacyStream } from '../random/privacy-stream.ts';",
        replace:
          "import { seededStream } from '../random/privacy-stream.ts';\nimport type { PrivacyStream } from '../random/privacy-stream.ts';",
      },
    ],
  },
  {
    name: 'noise less correlated than planned',
    job: 'correlated',
    edits: [
      {
        file: 'privacy/mechanism/correlation.ts',
        find: 'const weight = strategy[lag]!;',
        replace: 'const weight = 0.9 * strategy[lag]!;',
      },
    ],
  },
  {
    name: 'noise scaled to that of a single step',
    job: 'correlated',
    edits: [
      {
        file: 'privacy/mechanism/correlation.ts',
        find: 'const inverse = 1 / strategy[0]!;',
        replace: 'const inverse = 1;',
      },
    ],
  },
  {
    name: 'correlated noise, and everybody in each step',
    job: 'correlated',
    edits: [
      { file: mechanism, find: '      if (cycle) return cycle.sample(index, units, stream);\n', replace: '' },
    ],
  },
  {
    name: 'uniform noise of the right variance',
    job: 'head',
    edits: [
      {
        file: 'privacy/random/gaussian.ts',
        find: 'out[start + i] = sign * (position < INSIDE[layer]! ? x : besideTheCore(layer, x, stream));',
        replace: 'out[start + i] = sign * x * 0 + (2 * position * 2 ** -53 - 1) * Math.sqrt(3);',
      },
    ],
  },
  {
    name: 'noise not rounded to the lattice',
    job: 'head',
    edits: [
      {
        file: noise,
        find: 'Math.floor((sum[i]! + standardDeviation * normals[i]!) * inverse + 0.5) * spacing',
        replace: '(sum[i]! + standardDeviation * normals[i]!) * inverse * spacing',
      },
    ],
  },
  {
    name: 'empty batches skipped',
    job: 'head',
    edits: [
      {
        file: phase,
        find: '      updateParameters(optimizer, vector.values,',
        replace: '      if (units.length > 0) updateParameters(optimizer, vector.values,',
      },
    ],
  },
  {
    name: 'charged after sampling',
    job: 'head',
    edits: [
      { file: phase, find: '      journal.charge(phase.name);\n', replace: '' },
      {
        file: phase,
        find: '      await world.sum(gradient.values);',
        replace: '      journal.charge(phase.name);\n      await world.sum(gradient.values);',
      },
    ],
  },
  {
    name: "a user's records clipped one by one",
    job: 'user',
    edits: [
      {
        file: phase,
        find: "        ...(byUser && { recordsPerUnit: 'perUnit' }),\n",
        replace: '',
      },
      { file: phase, find: 'inputs: context.byUser', replace: 'inputs: context.byUser && false' },
    ],
  },
  {
    name: 'loss averaged over the micro-batch',
    job: 'full',
    edits: [
      {
        file: 'src/graph/gradient.ts',
        find: 'b.expand(b.scalar(1), [records])',
        replace: 'b.expand(b.div(b.scalar(1), b.sum(b.expand(b.scalar(1), [records]), [0])), [records])',
      },
    ],
  },
];

export const zoo: readonly Mutation[] = [
  ...listed.map((mutation) => ({ ...mutation, listed: true })),
  ...further.map((mutation) => ({ ...mutation, listed: false })),
];
