/**
 * Three nodes restarted one by one under load: `node test/e2e/acceptance/rolling.ts [CALLS_PER_SECOND] [SECONDS]`.
 * `--before NODE,MAIN`: the nodes begin as another version, such as `node,/tmp/carillon-of-yesterday/src/main.ts`.
 */
import { runRolling } from '../support/rolling.ts';
import { progress, report, testFolder } from '../support/report.ts';

const args = process.argv.slice(2);
const at = args.indexOf('--before');
const [node, main] = at === -1 ? [] : (args.splice(at, 2)[1] ?? '').split(',');
const [callsPerSecond = 100, seconds = 60] = args.map(Number);
const folder = testFolder('acceptance-rolling');
const result = await runRolling({
  base: 27_600,
  folder,
  callsPerSecond,
  seconds,
  ringMs: 2_000,
  talkMs: 5_000,
  ...(node === undefined || main === undefined ? {} : { before: { node, main } }),
  progress,
});
report(folder, 'rolling', result.rows, {
  'calls made': result.calls,
  'calls lost': result.lost,
  'causes': JSON.stringify(result.causes),
  'requests repeated by callers': result.repeated,
});
if (result.errors !== '') console.log(result.errors.slice(0, 6_000));
process.exitCode = result.lost === 0 ? 0 : 1;
