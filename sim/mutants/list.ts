/**
 * Mistakes of one line, each of which some world must show: a mistake that survives means that a checker is missing, or a
 * situation never comes up.
 */
import { buddiesMutants } from './buddies.ts';
import { callsMutants } from './calls.ts';
import { snapshotsMutants } from './snapshots.ts';
import { limitsMutants } from './limits.ts';
import { transactionsMutants } from './transactions.ts';
import { judgesMutants } from './judges.ts';
import { clusterMutants } from './cluster.ts';
import { runtimeMutants } from './runtime.ts';
import { registrationsMutants } from './registrations.ts';
import type { Mutant } from './mutant.ts';

export const mutants: readonly Mutant[] = [
  ...callsMutants,
  ...snapshotsMutants,
  ...transactionsMutants,
  ...clusterMutants,
  ...runtimeMutants,
  ...buddiesMutants,
  ...registrationsMutants,
  ...limitsMutants,
  ...judgesMutants,
];
