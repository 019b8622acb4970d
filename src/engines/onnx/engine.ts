import { availableParallelism } from 'node:os';
import { createRequire } from 'node:module';
import { InvalidParameterError } from '../../../privacy/errors.ts';
import { showShape } from '../../graph/index.ts';
import type { DType, Graph, Named } from '../../graph/index.ts';
import { bindInputs, checkDims } from '../binding.ts';
import type { Engine, EngineOptions, ParamTensor, Tensors } from '../engine.ts';
import { lowerGraph } from './lowering.ts';
import { buffersOf } from './protocol.ts';
import type { GradientOutputs } from './protocol.ts';
import { startThread } from './thread.ts';

/** A copy that owns its whole buffer, so that transferring it takes nothing from the caller. */
function copies<T extends ParamTensor>(
  tensors: Readonly<Record<string, T>>,
): { tensors: Record<string, T>; transfer: ArrayBuffer[] } {
  const owned = Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [
      name,
      { ...tensor, dims: [...tensor.dims], data: tensor.data.slice() },
    ]),
  );
  return { tensors: owned, transfer: buffersOf(Object.values(owned).map(({ data }) => data)) };
}

function dtypeOf(data: ParamTensor['data']): DType {
  if (data instanceof Int8Array) return 'i8';
  return data instanceof Float32Array ? 'f32' : 'i32';
}

/**
 * Runs graphs as ONNX models in onnxruntime-node, in a thread of their own. Calls may overlap: they are queued and
 * computed in order, so that the next micro-batch can be prepared while this one is computed.
 * @param options.threads - of the products; all cores unless given
 * @throws {Error} if onnxruntime does not load
 */
export async function createOnnxEngine({
  device = 'cpu',
  threads = availableParallelism(),
}: EngineOptions = {}): Promise<Engine> {
  if (!Number.isSafeInteger(threads) || threads < 1) {
    throw new InvalidParameterError(
      `threads=${threads}: must be a whole number >= 1; leave it out for all cores`,
    );
  }
  const thread = startThread({ device, threads });
  const written = new Map<string, { readonly dims: readonly number[]; readonly dtype: DType }>();
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };
  let programs = 0;
  await thread.call({ kind: 'write', tensors: {} });

  function checkParam({ name, value }: Named): void {
    const found = written.get(name);
    if (found === undefined) {
      throw new InvalidParameterError(
        `param=${name}: was never written; write ${showShape(value.shape)} first`,
      );
    }
    if (showShape(found.dims) !== showShape(value.shape)) {
      throw new InvalidParameterError(
        `${name}.dims=${showShape(found.dims)}: the graph needs ${showShape(value.shape)}; write that shape`,
      );
    }
    if (found.dtype !== value.dtype) {
      throw new InvalidParameterError(
        `${name}=${found.dtype}: the graph needs ${value.dtype}; write that type`,
      );
    }
  }

  async function load(graph: Graph, gradient?: GradientOutputs) {
    const program = programs++;
    const lowered = lowerGraph(graph);
    await thread
      .call({ kind: 'load', program, lowered, ...(gradient && { gradient }) }, [lowered.model.buffer])
      .catch((error: Error) => {
        const remedy =
          device === 'cpu' ? '' : `device=${device}: cannot run this graph here; use device cpu. `;
        throw new Error(remedy + error.message, { cause: error });
      });
    /** Checked here, where the caller's stack still says who gave what. */
    const prepare = (inputs: Tensors) => {
      bindInputs(graph, inputs);
      for (const param of graph.params) checkParam(param);
      return copies(inputs);
    };
    return {
      program,
      prepare,
      dispose: () => thread.call({ kind: 'unload', program }),
    };
  }

  return {
    name: 'onnx',
    device: `${device} (onnxruntime ${version}, ${threads} thread${threads === 1 ? '' : 's'})`,
    async write(tensors) {
      for (const [name, tensor] of Object.entries(tensors)) checkDims(name, tensor);
      const copied = copies(tensors);
      for (const [name, { dims, data }] of Object.entries(copied.tensors))
        written.set(name, { dims, dtype: dtypeOf(data) });
      await thread.call({ kind: 'write', tensors: copied.tensors }, copied.transfer);
    },
    async drop(names) {
      for (const name of names) written.delete(name);
      await thread.call({ kind: 'drop', names });
    },
    async load(graph) {
      const { program, prepare, dispose } = await load(graph);
      return {
        dispose,
        async run(inputs) {
          const { tensors, transfer } = prepare(inputs);
          return thread.call({ kind: 'run', program, inputs: tensors }, transfer);
        },
      };
    },
    async loadGradient({ graph, sums, norms, losses }) {
      const { program, prepare, dispose } = await load(graph, { sums, norms, losses });
      return {
        dispose,
        async add(inputs) {
          const { tensors, transfer } = prepare(inputs);
          await thread.call({ kind: 'add', program, inputs: tensors }, transfer);
        },
      };
    },
    take: () => thread.call({ kind: 'take' }),
    dispose: () => thread.stop(),
  };
}
