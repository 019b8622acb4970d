import { availableParallelism, cpus } from 'node:os';
import type { CommandModule } from 'yargs';
import { probe, type ProbeOptions, type ProbeResult, probeTargets } from '../engines/index.ts';
import { type CommonArguments, type Output, outputFor } from './output.ts';

/** Tells what can run a training step on this machine, how fast, and what stands in the way of the rest. */
export const engines: CommandModule<CommonArguments, CommonArguments> = {
  command: 'engines',
  describe: 'Show which engines load here, how fast they are, and what the others need',
  builder: (parser) => parser.example('$0 engines --json', 'one line of JSON per engine'),
  handler: (argv) => reportEngines(outputFor(argv)),
};

/** @param options - of each probe */
export async function reportEngines(output: Output, options: ProbeOptions = {}): Promise<void> {
  const machine = {
    node: process.version,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
  };
  output.event({ event: 'machine', ...machine });
  output.line(`Node ${machine.node}, ${machine.cores} cores, ${machine.cpu}`);
  const results: ProbeResult[] = [];
  for (const target of probeTargets) {
    // One at a time: each figure is that of an otherwise idle machine.
    const result = await probe(target, options);
    results.push(result);
    output.event({ event: 'engine', ...result });
  }
  output.table(
    results.map((result) => ({
      engine: result.engine,
      backend: result.backend,
      'GFLOP/s': result.loads ? Math.round(result.gflops * 10) / 10 : null,
      'what it is, or why it does not load': result.loads ? result.device : result.reason,
    })),
  );
  for (const { engine, backend, remedy } of results) {
    if (remedy !== undefined) output.line(`${engine} ${backend}: ${remedy}`);
  }
  const auto = results.find(({ loads }) => loads)?.engine ?? null;
  output.line(auto === null ? 'No engine loads here.' : `\`engine: auto\` takes ${auto} here.`);
  output.event({ event: 'done', auto });
}
