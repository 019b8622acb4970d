import { createRequire } from 'node:module';
import util from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { InvalidParameterError } from '../../../privacy/errors.ts';
import type { EngineOptions } from '../engine.ts';

/** Fastest first: `auto` takes the first that loads. */
const backendNames = ['tensorflow', 'wasm', 'cpu'] as const;
export type BackendName = (typeof backendNames)[number];

export interface Backend {
  readonly name: BackendName;
  /** For people: what computes, and its version. */
  readonly device: string;
}

const nativePackage = '@tensorflow/tfjs-node-gpu';

/** What the native backend's object carries beyond its public type. */
interface NativeBackend {
  readonly isUsingGpuDevice: boolean;
  readonly binding: { readonly TF_Version: string };
}

// The package's kernels call two functions of node:util that Node 22 warns of and Node 23 removed.
interface RemovedFunctions {
  isNullOrUndefined?: (value: unknown) => boolean;
  isArray?: (value: unknown) => boolean;
}

export interface BackendOptions {
  /** CPU threads of the native library; only its first load in a process can set them. Default: one per core. */
  readonly threads?: number;
  /** `cuda` insists on a GPU and `cpu` on none; only the first load in a process can choose. Default: a GPU if there is one. */
  readonly device?: EngineOptions['device'];
}

const loaders: Readonly<Record<BackendName, (options: BackendOptions) => Promise<string>>> = {
  async tensorflow({ threads, device }) {
    const removed = util as RemovedFunctions;
    removed.isNullOrUndefined = (value) => value === null || value === undefined;
    removed.isArray = Array.isArray;
    // Read by the libraries when they are loaded. The first is part of the guarantee: with TF32, products would keep
    // 10 bits, and a clipped gradient could exceed its norm by a thousandth instead of a millionth.
    process.env['NVIDIA_TF32_OVERRIDE'] = '0';
    process.env['TF_FORCE_GPU_ALLOW_GROWTH'] ??= 'true'; // GPU memory as needed, not all of it at once
    process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2'; // errors only
    // oneDNN announces itself on every load and is no faster here (1024^3 matmul: 22 ms with and without).
    process.env['TF_ENABLE_ONEDNN_OPTS'] ??= '0';
    if (threads !== undefined) process.env['TF_NUM_INTRAOP_THREADS'] = String(threads);
    if (device === 'cpu') process.env['CUDA_VISIBLE_DEVICES'] = '-1';
    createRequire(import.meta.url)(nativePackage);
    await use('tensorflow');
    const { isUsingGpuDevice, binding } = tf.findBackend('tensorflow') as unknown as NativeBackend;
    if (device === 'cuda' && !isUsingGpuDevice) {
      throw new Error(
        'it found no NVIDIA GPU: check the driver (nvidia-smi), and build the binding with --cuda',
      );
    }
    if (device === 'cpu' && isUsingGpuDevice) throw new Error('this process already uses its GPU');
    return `${isUsingGpuDevice ? 'NVIDIA GPU' : 'cpu'} (TensorFlow ${binding.TF_Version})`;
  },
  async wasm() {
    const { version_wasm: version } = await import('@tensorflow/tfjs-backend-wasm');
    await use('wasm');
    const simd = await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT');
    return `cpu (TensorFlow.js wasm ${version}${simd === true ? ', SIMD' : ''}, 1 thread)`;
  },
  async cpu() {
    const { version_cpu: version } = await import('@tensorflow/tfjs-backend-cpu');
    await use('cpu');
    return `cpu (TensorFlow.js plain JavaScript ${version}, 1 thread)`;
  },
};

let lastUse: Promise<unknown> = Promise.resolve();

/** Starts a backend, one after the other: TensorFlow.js gives up a start when another one begins. */
async function use(name: BackendName): Promise<void> {
  const started = lastUse.then(() => tf.setBackend(name));
  lastUse = started.catch(() => undefined);
  if (!(await started)) throw new Error(`TensorFlow.js could not start its ${name} backend`);
}

/**
 * Loads a TensorFlow.js backend into this process.
 *
 * @param choice - a backend, or `auto` for the first of tensorflow, wasm and cpu that loads
 * @throws {InvalidParameterError} if none that is allowed loads on the device, with the reason and the remedy
 */
export async function loadBackend(
  choice: BackendName | 'auto',
  options: BackendOptions = {},
): Promise<Backend> {
  tf.enableProdMode(); // silences the packages' advertising of each other; does not change any result
  const failures: Error[] = [];
  for (const name of choice === 'auto' ? backendNames : [choice]) {
    try {
      if (!computesOn(name, options.device)) throw new Error(`it cannot use device ${options.device}`);
      return { name, device: await loaders[name](options) };
    } catch (error) {
      failures.push(new Error(`${name}: ${reasonOf(error)}`, { cause: error }));
    }
  }
  const reasons = failures.map(({ message }) => message).join('; ');
  throw new InvalidParameterError(
    `backend=${choice} does not load: ${reasons}; \`dptune engines\` says what loads here and how to add the rest`,
    { cause: failures.length === 1 ? failures[0] : new AggregateError(failures) },
  );
}

/** The first line of what went wrong; in our words where the package's own advice leads nowhere. */
function reasonOf(error: unknown): string {
  const [line] = (error instanceof Error ? error.message : String(error)).split('\n') as [string];
  if (line.includes(`Cannot find module '${nativePackage}'`)) return `${nativePackage} is not installed`;
  if (line.includes('native addon module')) return `the binding of ${nativePackage} is not built`;
  return line;
}

function computesOn(name: BackendName, device: EngineOptions['device']): boolean {
  return device === undefined || device === 'cpu' || (device === 'cuda' && name === 'tensorflow');
}

/**
 * Makes a loaded backend the one that following operations run on. The choice is global to TensorFlow.js and takes
 * effect at once, so a caller activates its backend at the start of every synchronous piece of work. A start under way
 * elsewhere may change its name and its instance at different times: both are looked at.
 */
export function activate(name: BackendName): void {
  if (tf.getBackend() !== name || tf.backend() !== tf.findBackend(name)) void tf.setBackend(name);
}
