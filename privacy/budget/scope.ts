import { log } from '../accounting/elementary.ts';
import { relations, type Relation } from '../accounting/index.ts';
import { InvalidParameterError } from '../errors.ts';
import type { PrivacyUnit } from '../plan/plan.ts';
import { numberWithin, objectOf, oneOf, text, wholeNumber } from '../plan/fields.ts';

/** What a population may lose in all. */
export type BudgetCap = { readonly epsilon: number } | { readonly rho: number } | { readonly mu: number };

/** An order of the Renyi filter, and the part of delta that it is entitled to. */
export interface FilterOrder {
  readonly order: number;
  readonly share: number;
}

/**
 * A population with a budget of its own: everything that is learnt about these people is charged here, whatever file it
 * comes from.
 */
export interface Scope {
  readonly name: string;
  /** Who they are. */
  readonly description: string;
  readonly unit: PrivacyUnit['kind'];
  readonly relation: Relation;
  /** Delta at which epsilons are stated. */
  readonly delta: number;
  readonly budget: BudgetCap;
  readonly method: 'rdp' | 'zcdp' | 'gdp';
  /** Of an `rdp` scope, fixed when it is opened; the shares add up to 1. */
  readonly orders?: readonly FilterOrder[];
  /** Why charges may depend on what earlier jobs found. */
  readonly theorem: string;
  /** A larger population that these people belong to: charges count there, too. */
  readonly parent?: string;
  /** Approvals by trusted keys that every plan needs, whatever its job asks for. */
  readonly approvals?: number;
  /** UTC date after which nothing more may be charged. */
  readonly expires?: string;
  /** UTC date by which someone should look at the budget again. */
  readonly review?: string;
}

export type ScopeSettings = Omit<Scope, 'method' | 'orders' | 'theorem'>;

const SETTINGS = 'name description unit relation delta budget parent approvals expires review'.split(' ');
const THEOREMS = {
  rdp:
    'Renyi filter: Feldman and Zrnic, arXiv:2008.11193, theorem 4.3, at several orders fixed in advance, each with its ' +
    'share of delta (union bound)',
  zcdp: 'zCDP filter: Bun and Steinke, arXiv:1605.02065, with Feldman and Zrnic, arXiv:2008.11193, theorem 4.3',
  gdp: 'GDP filter: Koskela, Tobaben and Honkela, arXiv:2209.15596; Smith and Thakurta, arXiv:2210.17520',
} as const;

/**
 * A scope from what its owner says. A budget in epsilon is kept as Renyi divergences, which suit sampled training;
 * one in rho as zCDP; one in mu as Gaussian differential privacy.
 * @throws InvalidParameterError naming what is wrong
 */
export function scopeOf(settings: ScopeSettings): Scope {
  const fields = objectOf('scope', settings, SETTINGS);
  const name = text('scope.name', fields['name']);
  if (!/^[\p{L}\p{N}][\p{L}\p{N}._-]{0,99}$/u.test(name)) {
    throw new InvalidParameterError(
      `scope.name=${JSON.stringify(name)}: must be letters, digits, dots, dashes and underscores, at most 100. Shorten it.`,
    );
  }
  const delta = numberWithin('delta', fields['delta'], 0, 1, 'Give less than 1 / number of people.');
  const budget = capOf(fields['budget']);
  const method = 'epsilon' in budget ? 'rdp' : 'rho' in budget ? 'zcdp' : 'gdp';
  const { parent, approvals, expires, review } = settings;
  return {
    name,
    description: text('scope.description', fields['description']),
    unit: oneOf('unit', fields['unit'], ['record', 'user']),
    relation: oneOf('relation', fields['relation'], relations),
    delta,
    budget,
    method,
    ...('epsilon' in budget && { orders: filterOrders(budget.epsilon, delta) }),
    theorem: THEOREMS[method],
    ...(parent !== undefined && { parent: text('parent', parent) }),
    ...(approvals !== undefined && {
      approvals: wholeNumber('approvals', approvals, 0, 'It counts people.'),
    }),
    ...(expires !== undefined && { expires: dateOf('expires', expires) }),
    ...(review !== undefined && { review: dateOf('review', review) }),
  };
}

function capOf(given: unknown): BudgetCap {
  const fields = objectOf('budget', given, ['epsilon', 'rho', 'mu']);
  const [kind, ...more] = Object.keys(fields);
  if (kind === undefined || more.length > 0) {
    throw new InvalidParameterError(
      'budget: must be one of epsilon, rho and mu. Give epsilon for sampled training, mu or rho for Gaussian mechanisms.',
    );
  }
  const value = numberWithin(`budget.${kind}`, fields[kind], 0, 1000, 'Small is private: 1 to 10 is common.');
  return { [kind]: value } as unknown as BudgetCap;
}

/**
 * Orders below the one that is best for a Gaussian mechanism which spends the whole budget (with D(a) = rho a, epsilon is
 * about rho + 2 sqrt(rho log(1/delta)), at a = 1 + sqrt(log(1/delta) / rho)), because sampled training does best there, with
 * the parts of delta that they are entitled to.
 *
 * Why parts: with M_a the supermartingale exp((a - 1)(loss - divergence spent at a)), the sum of share_a M_a has mean at most
 * 1; where order a fits, it is at least share_a exp((a - 1)(loss - budget at a)). So each order converts with its share of
 * delta, and which order fits may depend on everything that happened. Without shares, somebody who picks the order late
 * could spend delta once for each order.
 */
function filterOrders(epsilon: number, delta: number): FilterOrder[] {
  const nats = -log(delta);
  const rho = (Math.sqrt(nats + epsilon) - Math.sqrt(nats)) ** 2;
  const best = Math.sqrt(nats / rho);
  return ORDERS.map(({ factor, share }) => ({ order: Number((1 + best * factor).toPrecision(6)), share }));
}

/** Of order - 1, relative to the Gaussian's best; and shares of delta. */
const ORDERS = [
  { factor: 0.2, share: 1 / 16 },
  { factor: 0.3, share: 2 / 16 },
  { factor: 0.4, share: 2 / 16 },
  { factor: 0.5, share: 3 / 16 },
  { factor: 0.65, share: 4 / 16 },
  { factor: 0.85, share: 3 / 16 },
  { factor: 1.3, share: 1 / 16 },
] as const;

function dateOf(name: string, given: string): string {
  const date = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/;
  if (date.test(given)) return given;
  throw new InvalidParameterError(`${name}=${given}: must be a date such as 2027-06-30. Give one.`);
}
