import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { DptuneError } from '../../privacy/index.ts';
import { openCharging, openLedger, type Request } from '../../src/ledger/index.ts';
import { identity } from './cases.ts';

/** What a child process is told to do. */
export type Order =
  | { readonly do: 'reserve'; readonly url: string; readonly request: Request }
  /** Pays for every step and writes a line into `witness` where a batch would be sampled. */
  | { readonly do: 'train'; readonly url: string; readonly request: Request; readonly witness: string };

async function reserve(url: string, request: Request): Promise<string> {
  const ledger = await openLedger(url, identity);
  try {
    await ledger.reserve(request);
    return 'reserved';
  } catch (error) {
    if (error instanceof DptuneError && error.code === 'budget') return 'refused';
    throw error;
  } finally {
    await ledger.close();
  }
}

async function train(url: string, request: Request, witness: string): Promise<string> {
  const { name, steps } = request.demand.phases[0]!;
  const taken = existsSync(witness) ? readFileSync(witness, 'utf8').split('\n').length - 1 : 0;
  const silent = { url, identity, note: () => undefined, stopping: () => false };
  const charging = await openCharging(request, { [name]: taken }, silent);
  process.send!('begun');
  for (let step = taken + 1; step <= steps; step++) {
    await charging.pay(name, step);
    appendFileSync(witness, `${step}\n`);
  }
  await charging.settle({ [name]: steps }, undefined);
  await charging.close();
  return 'settled';
}

process.on('message', (order: Order) => {
  const work =
    order.do === 'reserve'
      ? reserve(order.url, order.request)
      : train(order.url, order.request, order.witness);
  work.then(
    (answer) => process.send!(answer),
    (error: unknown) => process.send!(String(error)),
  );
});
process.send!('ready');
