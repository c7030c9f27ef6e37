/** 2,000 users register, 500 simultaneous calls at 100 calls/s. `node test/e2e/acceptance/load.ts [--spray]` */
import { runLoad } from '../support/load.ts';
import { progress, report, testFolder } from '../support/report.ts';

const isSprayed = process.argv.includes('--spray');
const folder = testFolder(isSprayed ? 'acceptance-spray' : 'acceptance-load');
const result = await runLoad({
  base: isSprayed ? 22_600 : 22_400,
  folder,
  users: 2_000,
  calls: 1_000,
  callsPerSecond: 100,
  talkMs: 6_000,
  sprayPorts: isSprayed ? 64 : 0,
  progress,
});
report(folder, isSprayed ? 'spray' : 'load', result.rows, {
  'failed': result.failed,
  'registrations found': result.registered,
  'registrations per node': JSON.stringify(result.registrationsPerNode),
  'most calls at once': result.callsAtOnce,
  'calls per node': JSON.stringify(result.callsPerNode),
  'cluster ended with': result.clusterCode,
});
if (result.errors !== '') console.log(result.errors.slice(0, 4_000));
process.exitCode = result.failed === 0 ? 0 : 1;
