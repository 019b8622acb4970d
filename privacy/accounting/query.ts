import { InvalidParameterError, UnsupportedEventError } from '../errors.ts';
import { accountantVersion, digestOf, noBudget } from './answer.ts';
import type { Answer } from './answer.ts';
import type { DpEvent, Relation } from './events.ts';
import { epsilonFromRdp, logMoment, minimiseOverOrders } from './rdp.ts';

type Phase = { readonly rate: number; readonly noiseMultiplier: number; readonly count: number };

function phasesOf(event: DpEvent, relation: Relation, count: number): Phase[] {
  switch (event.kind) {
    case 'no-op':
      return [];
    case 'gaussian': {
      const factor = relation === 'replace-one' ? 2 : 1;
      return [{ rate: 1, noiseMultiplier: event.noiseMultiplier / factor, count }];
    }
    case 'poisson-sampled': {
      if (event.rate === 0) return [];
      const inner = event.event;
      if (inner.kind !== 'gaussian' || (relation === 'replace-one' && event.rate < 1)) break;
      return phasesOf(inner, relation, count).map((phase) => ({ ...phase, rate: event.rate }));
    }
    case 'composed':
      return event.events.flatMap((part) => phasesOf(part, relation, count));
    case 'self-composed':
      return event.count === 0 ? [] : phasesOf(event.event, relation, count * event.count);
    default:
  }
  throw new UnsupportedEventError(
    `event=${event.kind}: not supported under relation=${relation}. Ask under add-or-remove-one.`,
  );
}

export function epsilonOf(event: DpEvent, query: { delta: number; relation: Relation }): Answer {
  const { delta, relation } = query;
  if (!(delta >= 0 && delta <= 1)) {
    throw new InvalidParameterError(`delta=${delta}: must be a probability. Give 1/n^1.1 or so.`);
  }
  const phases = phasesOf(event, relation, 1).filter((phase) => phase.count > 0);
  const { value } = minimiseOverOrders((order) => {
    const moment = phases.reduce((sum, p) => sum + p.count * logMoment(p.rate, p.noiseMultiplier, order), 0);
    return epsilonFromRdp(order, moment / (order - 1), delta);
  });
  const upper = phases.length === 0 || delta === 1 ? 0 : Number.isNaN(value) ? Infinity : value;
  return {
    epsilon: { lower: 0, estimate: upper, upper },
    delta,
    relation,
    direction: 'both',
    method: 'rdp',
    budget: noBudget,
    grid: null,
    version: accountantVersion,
    digest: digestOf(event, relation, { delta }),
  };
}
