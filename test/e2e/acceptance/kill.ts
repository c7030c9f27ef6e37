/**
 * Twenty times kill -9, a different node each time, under 200 established and 100 ringing calls.
 * `node test/e2e/acceptance/kill.ts [REPETITIONS]`
 */
import { runKills } from '../support/kill.ts';
import { median, progress, report, testFolder } from '../support/report.ts';

const folder = testFolder('acceptance-kill');
const repetitions = Number(process.argv[2] ?? 20);
const result = await runKills({ base: 23_000, folder, repetitions, established: 200, ringing: 100, progress });
report(folder, 'kill', result.rows, {
  'calls lost': result.lostCalls,
  'calls made': repetitions * 300,
  'registrations lost': result.lostRegistrations,
  'first answer after the death, median ms': median(result.firstAnswersMs),
  'first answer after the death, maximum ms': Math.max(...result.firstAnswersMs),
  'last lost request after the death, median ms': median(result.lastLostMs),
  'last lost request after the death, maximum ms': Math.max(...result.lastLostMs),
});
if (result.errors !== '') console.log(result.errors.slice(0, 6_000));
process.exitCode = result.lostCalls + result.lostRegistrations === 0 ? 0 : 1;
