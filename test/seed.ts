/**
 * Loaded before each file of `npm test`: the properties of fast-check draw their cases from CARILLON_TEST_SEED. The runner
 * (test/run.ts) sets it to a number that is the same for the same code, so that a red run stays red until somebody has
 * looked, and another after each change. A file run by itself (`node --test FILE`) has other cases each time.
 */
import fc from 'fast-check';

const seed = Number(process.env['CARILLON_TEST_SEED']);
if (!Number.isInteger(seed)) throw new RangeError('CARILLON_TEST_SEED has to be a whole number');
fc.configureGlobal({ seed });
