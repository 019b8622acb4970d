/**
 * Accuracy and speed of the accountant against the reference truths and the libraries of the field, and what its tests
 * show: npm run bench:accounting
 */
import { reportAccuracy } from './accuracy.ts';
import { reportHardCases } from './hard-cases.ts';
import { runShownTests } from './shown-by-tests.ts';
import { reportTimes } from './timing.ts';

reportAccuracy();
reportHardCases();
await reportTimes();
runShownTests();
