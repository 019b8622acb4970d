import { InvalidParameterError, UnsupportedEventError } from '../errors.ts';
import type { DpEvent } from './events.ts';

/**
 * The event as it looks to a group of `size` units that are protected together (say, a user's records that are sampled
 * one by one): a Poisson-sampled Gaussian becomes a mixture with binomially many members present (Ganesh,
 * arXiv:2401.10294), a Gaussian one with `size` times the sensitivity.
 * @throws UnsupportedEventError for kinds whose group privacy is not known here
 */
export function groupOf(event: DpEvent, size: number): DpEvent {
  if (!(Number.isSafeInteger(size) && size >= 1 && size <= 1000)) {
    throw new InvalidParameterError(
      `group=${size}: must be a whole number from 1 to 1000. Give the group's size.`,
    );
  }
  if (size === 1) return event;
  switch (event.kind) {
    case 'no-op':
    case 'non-private':
      return event;
    case 'gaussian':
    case 'laplace':
      return { ...event, noiseMultiplier: event.noiseMultiplier / size };
    case 'composed':
      return { kind: 'composed', events: event.events.map((part) => groupOf(part, size)) };
    case 'self-composed':
    // So many units of the data replace at most so many of the selected ones.
    case 'ranked-selection':
      return { ...event, event: groupOf(event.event, size) };
    case 'poisson-sampled':
      if (event.event.kind === 'gaussian') {
        return sampledGroup(event.rate, event.event.noiseMultiplier, size);
      }
      break;
    default:
  }
  throw new UnsupportedEventError(
    `group=${size}: group privacy of ${event.kind} is not known here. Ask for the event of one unit.`,
  );
}

function sampledGroup(rate: number, noiseMultiplier: number, size: number): DpEvent {
  const sensitivities: number[] = [];
  const probabilities: number[] = [];
  let ways = 1;
  for (let k = 0; k <= size; k++) {
    sensitivities.push(k);
    probabilities.push(ways * rate ** k * (1 - rate) ** (size - k));
    ways = (ways * (size - k)) / (k + 1);
  }
  return { kind: 'mixture-of-gaussians', noiseMultiplier, sensitivities, probabilities };
}
