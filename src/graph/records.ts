import { InvalidParameterError } from '../../privacy/errors.ts';
import { activeValues, describe } from './differentiate.ts';
import { showShape, symbolsOf } from './dims.ts';
import type { AnyNode, Dim, Graph, Value } from './ir.ts';

/** The symbol of the axis that counts records. */
export const recordsAxis = 'records';

const countsRecords = (dim: Dim | undefined): boolean =>
  dim !== undefined && symbolsOf(dim).includes(recordsAxis);

/** Whether axis 0 alone counts records; refuses records on any other axis, or twice. */
function ownsRecords(value: Value, refuse: (why: string) => never): boolean {
  const found = value.shape.flatMap(symbolsOf).filter((name) => name === recordsAxis).length;
  if (found === 0) return false;
  if (found > 1 || !countsRecords(value.shape[0])) refuse('must have records on axis 0 only');
  return true;
}

/**
 * Proves that every record's loss depends on that record alone (G5): axis 0 of every value that depends on the
 * records counts them, in order, and no node mixes entries along it. That is what makes a per-record gradient exist.
 * @param nodes - the nodes that the loss depends on
 * @throws InvalidParameterError naming the first node that mixes records, or a parameter used apart from them
 */
export function checkRecordsApart(
  graph: Graph,
  nodes: readonly AnyNode[],
  loss: Value,
  trainable: ReadonlyMap<Value, string>,
): void {
  const perRecord = new Set<Value>();
  for (const { name, value } of graph.inputs) {
    const refuse = (why: string): never => {
      throw new InvalidParameterError(
        `input ${name}=${showShape(value.shape)}: ${why}; put the records first`,
      );
    };
    if (ownsRecords(value, refuse)) perRecord.add(value);
  }
  const active = activeValues(nodes, trainable.keys());
  for (const node of nodes) {
    const refuse = (why: string): never => {
      throw new InvalidParameterError(
        `${describe(node)}: ${why}, so that a record's gradient would depend on other records; ` +
          `each record's loss must be its own (no batch statistics, no in-batch negatives)`,
      );
    };
    const dependent = node.inputs.map((input) => perRecord.has(input));
    if (dependent.includes(true)) checkNode(node, dependent, refuse);
    for (const output of node.outputs) {
      if (ownsRecords(output, refuse)) perRecord.add(output);
      else if (dependent.includes(true)) refuse('loses the records axis');
      else if (active.has(output)) refuseShared(node, trainable);
    }
  }
  if (loss.shape.length !== 1 || loss.shape[0] !== recordsAxis || !perRecord.has(loss)) {
    throw new InvalidParameterError(
      `loss=${showShape(loss.shape)}: must be [${recordsAxis}]; give one loss for each record`,
    );
  }
}

function refuseShared(node: AnyNode, trainable: ReadonlyMap<Value, string>): never {
  const names = node.inputs.flatMap((input) => trainable.get(input) ?? []);
  throw new InvalidParameterError(
    `${describe(node)}: trainable parameters (${names.join(', ') || 'below it'}) meet values that have no records axis, ` +
      `so that no per-unit gradient exists; expand those to [${recordsAxis}, ...] first`,
  );
}

/** One node of which some inputs (those `dependent`) belong to the records. */
function checkNode(node: AnyNode, dependent: readonly boolean[], refuse: (why: string) => never): void {
  const [x, y] = node.inputs;
  const rank = x!.shape.length;
  switch (node.op) {
    case 'linear':
    case 'linearInt8':
    case 'bias':
    case 'layerNorm':
    case 'rmsNorm':
      if (dependent.slice(1).includes(true)) refuse('has a parameter made from records');
      if (rank < 2) refuse('mixes the records axis as features');
      break;
    case 'embed':
      if (dependent[1]) refuse('looks up a table made from records');
      break;
    case 'matmul':
      if (rank === 2 && (node.attrs.transposeA || dependent[1])) refuse('multiplies along the records axis');
      break;
    case 'add':
    case 'sub':
    case 'mul':
    case 'div':
    case 'minimum':
    case 'maximum':
    case 'equal': {
      const wide = node.outputs[0]!.shape.length;
      if (node.inputs.some((input, i) => dependent[i] && input.shape.length !== wide)) {
        refuse('broadcasts records along another axis');
      }
      break;
    }
    case 'softmax':
    case 'rotateHalf':
    case 'crossEntropy':
    case 'crossEntropyGrad':
      if (rank < 2) refuse('works along the records axis');
      break;
    case 'gatherLast':
      if (rank < 2 || y!.shape.length < 2) refuse('gathers along the records axis');
      break;
    case 'sum':
      if (node.attrs.axes.includes(0)) refuse('sums over the records axis');
      break;
    case 'transpose':
      if (node.attrs.perm[0] !== 0) refuse('moves the records axis');
      break;
    case 'expand':
      if (rank !== node.attrs.shape.length) refuse('moves the records axis');
      break;
    case 'concat':
    case 'slice':
    case 'pad':
      if (node.attrs.axis === 0) refuse('cuts or joins the records axis');
      break;
    // Row-major: a reshape that keeps records on axis 0 keeps each record's numbers together.
    case 'reshape':
    case 'affine':
    case 'gelu':
    case 'geluTanh':
    case 'silu':
    case 'relu':
    case 'tanh':
    case 'sigmoid':
    case 'softplus':
    case 'erf':
    case 'exp':
    case 'log':
    case 'sqrt':
      break;
    default:
      node satisfies never;
  }
}
