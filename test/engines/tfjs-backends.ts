import { createRequire } from 'node:module';
import { type BackendName, loadBackend } from '../../src/engines/tfjs/backend.ts';

/** The backends to test: wasm and cpu always; the native one where its binding is built (`npm run tfjs:build`). */
export async function backendsHere(): Promise<BackendName[]> {
  if (!nativeIsBuilt()) {
    console.warn(
      'the tensorflow backend is not tested: its binding is not built; `npm run tfjs:build` builds it',
    );
    return ['wasm', 'cpu'];
  }
  await loadBackend('tensorflow');
  return ['tensorflow', 'wasm', 'cpu'];
}

function nativeIsBuilt(): boolean {
  const require = createRequire(import.meta.url);
  try {
    require.resolve('@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.node');
    return true;
  } catch {
    return false;
  }
}
