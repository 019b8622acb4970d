/**
 * Accuracy and speed of the accountant against the reference truths and the libraries of the field:
 * npm run bench:accounting
 */
import { reportAccuracy } from './accuracy.ts';
import { reportTimes } from './timing.ts';

reportAccuracy();
await reportTimes();
