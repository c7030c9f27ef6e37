/**
 * What befalls a Redis, under calls: it is stopped, killed, wiped; it fails over by Sentinels, also without the last of what
 * it was told; a master of a Redis Cluster dies. No call may be lost, nobody replaced, and the table must be in the store.
 * `node test/e2e/acceptance/redis.ts [--repetitions N] [--seconds N] [--only KIND-TROUBLE]`
 */
import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { redisMissing } from '../../cluster/stores/redis-server.ts';
import { missesOf, runOutage, type Trouble } from '../support/outage.ts';
import type { TopologyKind } from '../support/redis-topology.ts';
import { progress, report, testFolder, type Row } from '../support/report.ts';
import { missing } from '../support/tools.ts';

const { values } = parseArgs({
  options: {
    repetitions: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '60' },
    only: { type: 'string' },
  },
});
const outageSeconds = Number(values.seconds);
const failoverSeconds = Math.min(outageSeconds, 15);
const lines: readonly (readonly [kind: TopologyKind, trouble: Trouble, seconds: number])[] = [
  ['one', 'stopped', outageSeconds],
  ['one', 'killed', outageSeconds],
  ['one', 'wiped', failoverSeconds],
  ['sentinel', 'failover', failoverSeconds],
  ['sentinel', 'tail-lost', failoverSeconds],
  ['cluster', 'failover', failoverSeconds],
  ['cluster', 'wiped', failoverSeconds],
];

const absent = missing('sipp') || redisMissing;
if (absent !== false) {
  console.log(`skipped ${lines.length} lines: ${absent}`);
  process.exit(0);
}
const folder = testFolder('acceptance-redis');
const rows: Row[] = [];
let missed = 0;
for (let repetition = 1; repetition <= Number(values.repetitions); repetition += 1) {
  for (const [kind, trouble, seconds] of lines) {
    const name = `${kind}-${trouble}`;
    if (values.only !== undefined && values.only !== name) continue;
    progress(`${repetition}: ${name} for ${seconds} s`);
    const path = `${folder}/${name}-${repetition}`;
    mkdirSync(path);
    const options = { kind, trouble, seconds, base: 30_000, folder: path, established: 100, ringing: 40, perSecond: 5 };
    const result = await runOutage(options);
    const misses = missesOf(result, trouble);
    if (misses.length > 0) {
      missed += 1;
      console.log(`${misses.join(', ')}\n${result.errors.slice(0, 3_000)}`);
    }
    const { errors: _errors, ...row } = result;
    const said = { isReplaced: String(result.isReplaced), isTailLost: String(result.isTailLost) };
    rows.push({ line: name, seconds, ...row, ...said, missed: misses.join(', ') });
  }
}
report(folder, 'redis', rows, { 'lines missed': missed });
process.exit(missed === 0 ? 0 : 1);
