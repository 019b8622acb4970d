import { bytesField, concatBytes, floatField, integerField, textField } from './protobuf.ts';
import { showShape } from '../../graph/index.ts';
import type { DType, Shape } from '../../graph/index.ts';

/**
 * Writes an ONNX ModelProto. Field numbers are those of onnx.proto3, IR version 10 (ONNX 1.16); operators are of
 * opset 20, the first with Gelu.
 */
const IR_VERSION = 10;
const OPSET = 20;

const ELEMENT_TYPE = { f32: 1, i8: 3, i32: 6, i64: 7 } as const;
const ATTRIBUTE_TYPE = { float: 1, integer: 2, string: 3, integers: 7 } as const;

export type Attribute = number | string | readonly number[] | { readonly float: number };

export interface ModelWriter {
  /** Adds one node with `outputs` outputs; `null` leaves an optional output out. */
  readonly node: (
    opType: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, Attribute>>,
    outputs?: readonly (string | null)[],
  ) => string;
  /** A name that no other value has. */
  readonly fresh: () => string;
  /** A constant; equal small constants are written once. */
  readonly constant: (dims: readonly number[], data: Float32Array | Int32Array | BigInt64Array) => string;
  readonly input: (name: string, dtype: DType, shape: Shape) => void;
  readonly output: (name: string, dtype: DType, shape: Shape) => void;
  readonly bytes: () => Uint8Array<ArrayBuffer>;
}

function attributeProto(name: string, value: Attribute): Uint8Array {
  const fields = [textField(1, name)];
  if (typeof value === 'string') {
    fields.push(textField(4, value), integerField(20, ATTRIBUTE_TYPE.string));
  } else if (typeof value === 'number') {
    fields.push(integerField(3, value), integerField(20, ATTRIBUTE_TYPE.integer));
  } else if ('float' in value) {
    fields.push(floatField(2, value.float), integerField(20, ATTRIBUTE_TYPE.float));
  } else {
    fields.push(...value.map((item) => integerField(8, item)), integerField(20, ATTRIBUTE_TYPE.integers));
  }
  return concatBytes(fields);
}

function valueInfo(name: string, dtype: DType, shape: Shape): Uint8Array {
  const dims = shape.map((dim) =>
    bytesField(1, typeof dim === 'number' ? integerField(1, dim) : textField(2, dim)),
  );
  const tensor = concatBytes([integerField(1, ELEMENT_TYPE[dtype]), bytesField(2, concatBytes(dims))]);
  return concatBytes([textField(1, name), bytesField(2, bytesField(1, tensor))]);
}

function elementType(data: Float32Array | Int32Array | BigInt64Array): number {
  if (data instanceof Float32Array) return ELEMENT_TYPE.f32;
  return data instanceof Int32Array ? ELEMENT_TYPE.i32 : ELEMENT_TYPE.i64;
}

/** Constants up to this length are compared by content, so that the many scalars are written once. */
const SHARED_CONSTANT_LENGTH = 16;

export function createModelWriter(): ModelWriter {
  const nodes: Uint8Array[] = [];
  const constants: Uint8Array[] = [];
  const inputs: Uint8Array[] = [];
  const outputs: Uint8Array[] = [];
  const shared = new Map<string, string>();
  let names = 0;
  const fresh = (): string => `t${names++}`;

  return {
    fresh,
    node(opType, nodeInputs, attributes = {}, nodeOutputs = [fresh()]) {
      nodes.push(
        concatBytes([
          ...nodeInputs.map((name) => textField(1, name)),
          ...nodeOutputs.map((name) => textField(2, name ?? '')),
          textField(3, `${opType}_${nodes.length}`),
          textField(4, opType),
          ...Object.entries(attributes).map(([name, value]) => bytesField(5, attributeProto(name, value))),
        ]),
      );
      return nodeOutputs[0] ?? '';
    },
    constant(dims, data) {
      const type = elementType(data);
      const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
      const isShared = data.length <= SHARED_CONSTANT_LENGTH;
      const key = isShared ? `${type} ${showShape(dims)} ${bytes.toString('hex')}` : fresh();
      const known = shared.get(key);
      if (known !== undefined) return known;
      const name = fresh();
      shared.set(key, name);
      constants.push(
        concatBytes([
          ...dims.map((dim) => integerField(1, dim)),
          integerField(2, type),
          textField(8, name),
          bytesField(9, bytes),
        ]),
      );
      return name;
    },
    input: (name, dtype, shape) => void inputs.push(valueInfo(name, dtype, shape)),
    output: (name, dtype, shape) => void outputs.push(valueInfo(name, dtype, shape)),
    bytes() {
      const graph = concatBytes([
        ...nodes.map((node) => bytesField(1, node)),
        textField(2, 'dptune'),
        ...constants.map((constant) => bytesField(5, constant)),
        ...inputs.map((input) => bytesField(11, input)),
        ...outputs.map((output) => bytesField(12, output)),
      ]);
      return concatBytes([
        integerField(1, IR_VERSION),
        textField(2, 'dptune'),
        bytesField(7, graph),
        bytesField(8, integerField(2, OPSET)),
      ]);
    },
  };
}
