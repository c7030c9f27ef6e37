/**
 * One contract for both hosts.
 * Seen failing with: `runBatch` that clears the announcement after the handler instead of before; supervision by nact's
 * default policy (the actor is dead after its first crash); no report of what waited when an actor was stopped.
 */
import { setImmediate } from 'node:timers/promises';
import { NactHost } from '../../actors/nact-host.ts';
import { SyncHost } from '../../actors/sync-host.ts';
import { hostContract } from './host.contract.ts';

let systems = 0;

hostContract('nact', (report) => ({
  host: new NactHost(`contract-${++systems}`, report),
  settle: async () => {
    for (let turn = 0; turn < 12; turn++) await setImmediate();
  },
}));

hostContract('synchronous', (report) => {
  const host = new SyncHost(report);
  return {
    host,
    settle: async () => {
      host.run();
    },
  };
});
