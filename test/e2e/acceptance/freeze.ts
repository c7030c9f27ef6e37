/** SIGSTOP of a node for 12 s (or as many as are said), then SIGCONT. `node test/e2e/acceptance/freeze.ts [SECONDS]` */
import { runFreeze } from '../support/freeze.ts';
import { progress, report, testFolder } from '../support/report.ts';
import { rowOf } from '../support/sipp.ts';

const folder = testFolder('acceptance-freeze');
const result = await runFreeze({
  base: 23_400,
  folder,
  frozenMs: Number(process.argv[2] ?? 12) * 1_000,
  calls: 50,
  progress,
});
report(folder, 'freeze', result.results.map(rowOf), {
  'calls lost': result.lostCalls,
  'calls refused by 503 while nobody had the partition': result.refusedCalls,
  'first answer for its partitions by others, ms after the freeze': result.outage.firstAnswerMs,
  'last request lost, ms after the freeze': result.outage.lastLostMs,
  'requests that reached both, answered': `${result.answeredTwins}/${result.twins}`,
  'of them with two different answers': result.differentAnswers.length,
  'joined again with its share, ms after it went on': result.rejoinedMs,
  'share': result.share,
  'store writes refused by the fence (log)': result.refusedWrites,
});
for (const line of result.log.slice(0, 40)) console.log(line.slice(0, 200));
for (const answers of result.differentAnswers.slice(0, 2)) console.log(answers);
if (result.errors !== '') console.log(result.errors.slice(0, 4_000));
process.exitCode = result.lostCalls + result.differentAnswers.length === 0 ? 0 : 1;
