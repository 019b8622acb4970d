import { compare, ours, printTable } from './subjects.ts';

/** The private gradient of a small encoder (2 layers, 128 wide) on both engines. */
export async function engines(rounds: number): Promise<void> {
  const shape = { size: 'small', records: 8, tokens: 32 };
  const measured = await compare(
    ['onnx', 'tfjs'].map((engine) => ours(engine, { ...shape, engine })),
    rounds,
  );
  printTable('engines, full, 8 records of 32 tokens, small encoder', measured);
}
