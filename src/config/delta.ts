import { compileExpression } from './expression.ts';
import type { Config } from './schema.ts';

/**
 * The number that `privacy.delta` stands for.
 * @param setting - a number, an expression in `n`, or auto: min(1e-5, n^-1.1)
 * @param n - public number of units
 * @throws InvalidParameterError where the expression gives no finite number; whether it lies below 1/n is the plan's to check
 */
export async function deltaFor(setting: Config['privacy']['delta'], n: number): Promise<number> {
  if (typeof setting === 'number') return setting;
  if (setting === 'auto') return Math.min(1e-5, n ** -1.1);
  const expression = await compileExpression(setting, ['n']);
  return expression({ n });
}
