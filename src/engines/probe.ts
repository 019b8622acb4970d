import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EngineOptions } from './engine.ts';
import type { BackendName } from './tfjs/backend.ts';

/** One way of running graphs that may or may not work on this machine. */
export type ProbeTarget =
  | { readonly engine: 'onnx'; readonly backend: NonNullable<EngineOptions['device']> }
  | { readonly engine: 'tfjs'; readonly backend: BackendName };

/** Every one there is, in the order in which people look for them. */
export const probeTargets: readonly ProbeTarget[] = [
  { engine: 'onnx', backend: 'cpu' },
  { engine: 'onnx', backend: 'webgpu' },
  { engine: 'onnx', backend: 'cuda' },
  { engine: 'tfjs', backend: 'tensorflow' },
  { engine: 'tfjs', backend: 'wasm' },
  { engine: 'tfjs', backend: 'cpu' },
];

type Finding =
  | {
      readonly loads: true;
      /** What computes, with its version. */
      readonly device: string;
      /** Best rate of a float32 matrix product within about a second, in 10^9 floating-point operations a second. */
      readonly gflops: number;
      /** What would make it faster here. */
      readonly remedy?: string;
    }
  | { readonly loads: false; readonly reason: string; readonly remedy: string };

export type ProbeResult = ProbeTarget & Finding;

/** What the child process answers. */
export type ProbeAnswer = { readonly device: string; readonly gflops: number } | { readonly error: string };

export interface ProbeOptions {
  /** Milliseconds after which a probe counts as hanging. Default 120,000: a first WebGPU shader can take long. */
  readonly timeout?: number;
  /** Milliseconds to measure for. Default 1,000. */
  readonly duration?: number;
  /** The program to run for each target; tests give one that crashes. */
  readonly child?: URL;
}

/**
 * Tries one engine in a process of its own, so that a native library that crashes or hangs takes only that process
 * with it. Never rejects.
 */
export async function probe(target: ProbeTarget, options: ProbeOptions = {}): Promise<ProbeResult> {
  const answer = await ask(target, options);
  if ('error' in answer) {
    const reason = essence(answer.error);
    return { ...target, loads: false, reason, remedy: remedyFor(target, reason) };
  }
  const slow = target.backend === 'tensorflow' && hasNvidiaDriver() && !answer.device.includes('GPU');
  return {
    ...target,
    loads: true,
    ...answer,
    ...(slow && { remedy: `for the GPU: ${buildCommand} --cuda` }),
  };
}

function ask(
  target: ProbeTarget,
  { timeout = 120_000, duration = 1000, child = ownChild }: ProbeOptions,
): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const running = fork(child, [JSON.stringify(target), String(duration)], {
      execArgv: fileURLToPath(child).endsWith('.ts') ? ['--import', import.meta.resolve('tsx')] : [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let complaint = '';
    running.stderr!.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-2000);
    });
    const timer = setTimeout(() => {
      resolve({ error: `did not answer within ${timeout / 1000} s` });
      running.kill('SIGKILL');
    }, timeout);
    running.on('message', (answer: ProbeAnswer) => resolve(answer));
    running.on('error', (error) => resolve({ error: error.message }));
    running.on('close', (code, signal) => {
      clearTimeout(timer);
      const lastLine = complaint.trim().split('\n').at(-1)!;
      resolve({ error: `ended with ${signal ?? `exit code ${code}`}${lastLine && `: ${lastLine}`}` });
    });
  });
}

const ownChild = import.meta.url.endsWith('.ts')
  ? new URL('./probe-child.ts', import.meta.url)
  : new URL('./probe-child.js', import.meta.url);

const buildCommand = `bash ${relative(process.cwd(), join(packageRoot(), 'scripts/tfjs-build.sh'))}`;

/** Where package.json lies: above the sources, and above the built files. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && folder !== dirname(folder)) folder = dirname(folder);
  return folder;
}

function hasNvidiaDriver(): boolean {
  return existsSync('/proc/driver/nvidia/version');
}

/** Without the backend's name, and without the file, function and condition that onnxruntime puts before what happened. */
function essence(error: string): string {
  return error
    .replace(/^\w+: /, '')
    .replace(/^\S+\.cc:\d+ .* was false\. /s, '')
    .trim();
}

function remedyFor({ engine, backend }: ProbeTarget, reason: string): string {
  switch (`${engine} ${backend}` as const) {
    case 'onnx webgpu':
      return 'install a Vulkan driver (it comes with the graphics driver) and its loader (Debian: libvulkan1)';
    case 'onnx cuda':
      return hasNvidiaDriver()
        ? 'install CUDA 12 and cuDNN 9, then fetch the provider (from NuGet): ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node'
        : 'needs an NVIDIA card with its driver, which this machine does not have';
    case 'tfjs tensorflow':
      return reason.includes('is not installed')
        ? `npm install --no-save --ignore-scripts @tensorflow/tfjs-node-gpu@4.22.0, then ${buildCommand}`
        : `build its binding: ${buildCommand}`;
    default:
      return 'this one needs nothing but its npm package: reinstall with npm ci, and report it if that does not help';
  }
}
