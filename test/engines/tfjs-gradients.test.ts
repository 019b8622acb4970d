import { createTfjsEngine } from '../../src/engines/index.ts';
import { describeGradients } from './gradient-conformance.ts';
import { backendsHere } from './tfjs-backends.ts';

for (const backend of await backendsHere()) {
  describeGradients(`tfjs ${backend}`, () => createTfjsEngine({ backend }));
}
