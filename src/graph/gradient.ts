import { InvalidParameterError } from '../../privacy/errors.ts';
import type { Clipping } from '../../privacy/index.ts';
import { addUse, clippedSum, plainSum, squareNorm, type Account, type ParameterSum } from './accounts.ts';
import { GraphBuilder } from './builder.ts';
import type { Use } from './derivatives/index.ts';
import { differentiate, type Backward } from './differentiate.ts';
import { productDim } from './dims.ts';
import { clipFactors } from './factors.ts';
import type { AnyNode, Dim, GradientGraph, Graph, SumOutput, Value } from './ir.ts';
import { copyInto, nodesFor, simplify } from './passes.ts';
import { checkRecordsApart, recordsAxis } from './records.ts';
import { rulesFor, type NormRule } from './rules.ts';

/** What to differentiate, for which units. */
export interface GradientRequest {
  readonly network: Graph;
  /** Name of the network's output with each record's loss, f32 [records]. */
  readonly loss: string;
  readonly trainable: readonly string[];
  /**
   * How many consecutive records make a unit: 1 (the default), or a number or symbol for users with several. Unless it
   * is 1, the gradient graph counts `units * recordsPerUnit` records and has one more input, `weights`
   * f32 [units, recordsPerUnit]: the weight of each record's loss in its unit's; 0 for records that fill up, which must
   * have a finite loss all the same.
   */
  readonly recordsPerUnit?: Dim;
}

export interface PrivateGradientRequest extends GradientRequest {
  readonly clipping: Clipping;
  /** Typical size of each symbol but `records`, such as {tokens: 128}. Only the speed depends on it. */
  readonly sizes: Readonly<Record<string, number>>;
}

/** Symbol of the axis that counts units of several records, and input with the weights of their records. */
const unitsAxis = 'units';
const weightsInput = 'weights';

/**
 * The sum over units of each unit's clipped gradient, by one forward and one backward pass.
 *
 * Guarantees
 * - each unit moves the sums, all parameters together, by at most the clipping norm (G1, G7);
 * - norms are exact up to float32's rounding, on its high side, with the cross terms of parameters used twice and of a
 *   unit's records (G2);
 * - a unit's norm is not finite where its gradient, or its square, is not (G3);
 * - every trainable parameter is covered, or this throws and names it (G4);
 * - a record's gradient depends on that record alone, or this throws and names the node (G5).
 *
 * Reference: Bu et al., arXiv:2210.00038v3 (book-keeping: the factors weigh the recorded output gradients).
 */
export function privateGradient(request: PrivateGradientRequest): GradientGraph {
  const { b, units, backward } = prepare(request);
  const rules = rulesOf(request);
  const accounts = new Map<string, Account>();
  differentiate(b, {
    ...backward,
    onUse: (name, use) => accounts.set(name, addUse(b, accounts.get(name), use, units, rules.get(name))),
  });
  const squares = new Map(Array.from(accounts, ([name, account]) => [name, squareNorm(b, account)]));
  const { norms, factors } = clipFactors(b, squares, request.clipping);
  const sums = new Map(
    Array.from(accounts, ([name, account]) => [name, clippedSum(b, account, factors.get(name)!)]),
  );
  return finish(b, sums, norms, backward.loss);
}

/**
 * The sum over units of each unit's gradient as it is: NOT PRIVATE, for comparison only. No norms are computed;
 * `norms` names the losses, of which only whether they are finite means something.
 */
export function plainGradient(request: GradientRequest): GradientGraph {
  const { b, units, backward } = prepare(request);
  const uses = new Map<string, Use[]>(Array.from(backward.trainable.values(), (name) => [name, []]));
  differentiate(b, { ...backward, onUse: (name, use) => uses.get(name)!.push(use) });
  const sums = new Map(Array.from(uses, ([name, found]) => [name, plainSum(b, found, units)]));
  return finish(b, sums, backward.loss, backward.loss);
}

/**
 * Names the private gradient graph that suits `sizes`: requests that differ in sizes alone and have one key have one
 * graph, so a trainer builds a graph for each key, not for each length.
 */
export function ruleKey(request: Pick<PrivateGradientRequest, keyof GradientRequest | 'sizes'>): string {
  return Array.from(rulesOf(request), ([name, rule]) => `${name}=${rule}`).join(' ');
}

function rulesOf(
  request: Pick<PrivateGradientRequest, keyof GradientRequest | 'sizes'>,
): ReadonlyMap<string, NormRule> {
  const { nodes, trainable } = lossPath(request);
  return rulesFor(nodes, trainable, request.recordsPerUnit ?? 1, request.sizes);
}

interface LossPath {
  readonly loss: Value;
  readonly nodes: readonly AnyNode[];
  readonly trainable: ReadonlyMap<Value, string>;
}

/** The part of a network that its loss depends on. */
function lossPath({ network, loss: name, trainable: names }: GradientRequest): LossPath {
  const loss = network.outputs.find((output) => output.name === name)?.value;
  if (loss === undefined) {
    const known = network.outputs.map((output) => output.name).join(', ');
    throw new InvalidParameterError(`loss=${name}: no output of the network; it has ${known}`);
  }
  if (names.length === 0) throw new InvalidParameterError('trainable=[]: must name a parameter at least');
  const trainable = new Map<Value, string>();
  for (const param of names) {
    const value = network.params.find((other) => other.name === param)?.value;
    if (value === undefined) {
      throw new InvalidParameterError(
        `trainable=${param}: no parameter of the network has this name; remove or correct it`,
      );
    }
    trainable.set(value, param);
  }
  return { loss, nodes: nodesFor(network, [loss]), trainable };
}

interface Prepared {
  readonly b: GraphBuilder;
  readonly units: Dim;
  readonly backward: Omit<Backward, 'onUse'>;
}

/** Checks the network and copies what its loss needs into a builder, with records counted by unit. */
function prepare(request: GradientRequest): Prepared {
  const { network, recordsPerUnit = 1 } = request;
  const path = lossPath(request);
  checkRecordsApart(network, path.nodes, path.loss, path.trainable);

  const b = new GraphBuilder();
  const alone = recordsPerUnit === 1;
  const units = alone ? recordsAxis : unitsAxis;
  const records = productDim([units, recordsPerUnit]);
  const copies = copyInto(b, network, [path.loss], { replacements: { [recordsAxis]: records } });
  const { nodes } = b.build();
  const seed = alone
    ? b.expand(b.scalar(1), [records])
    : b.reshape(b.input(weightsInput, 'f32', [units, recordsPerUnit]), [records]);
  // A parameter off the loss's path has no copy yet: differentiation then finds no use of it, and names it.
  const trainable = new Map(
    Array.from(path.trainable, ([value, name]) => [
      b.param(name, value.shape.map(Number), value.dtype),
      name,
    ]),
  );
  return { b, units, backward: { nodes, loss: copies.get(path.loss)!, seed, trainable } };
}

/** Names the results, each value once, and drops what they do not need. */
function finish(
  b: GraphBuilder,
  found: ReadonlyMap<string, ParameterSum>,
  norms: Value,
  losses: Value,
): GradientGraph {
  const names = new Map<Value, string>();
  const output = (name: string, value: Value): string => {
    const known = names.get(value);
    if (known !== undefined) return known;
    b.output(name, value);
    names.set(value, name);
    return name;
  };
  const outputs = { losses: output('losses', losses), norms: output('norms', norms) };
  const sums: SumOutput[] = [];
  for (const [param, { dense, rows }] of found) {
    if (dense !== undefined) sums.push({ kind: 'dense', param, output: output(`sum.${param}`, dense) });
    rows.forEach((part, i) => {
      const suffix = i === 0 ? param : `${param}.${i}`;
      const ids = output(`ids.${suffix}`, part.ids);
      sums.push({ kind: 'rows', param, ids, rows: output(`rows.${suffix}`, part.rows) });
    });
  }
  return { graph: simplify(b.build()), sums, ...outputs };
}
