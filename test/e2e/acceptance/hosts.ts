/**
 * Nodes on hosts of their own, in network namespaces (root and `ip` needed): a host lost, hosts that come and go under load,
 * and networks that part. `node test/e2e/acceptance/hosts.ts [lost REPETITIONS PROFILE | grow USERS CALLS | parted
 * REPETITIONS]`
 */
import { loadavg } from 'node:os';
import { namespacesMissing } from '../support/hosts/namespaces.ts';
import { runOnHosts } from '../support/hosts/run.ts';
import { progress, report, testFolder } from '../support/report.ts';

const missing = namespacesMissing();
if (missing !== false) {
  console.log(`skipped 3 lines: ${missing}`);
  process.exit(0);
}
const [, , only, ...words] = process.argv;
const lines = [
  { name: 'lost', hosts: 3, words: ['20'] },
  { name: 'grow', hosts: 4, words: ['10000', '2000'] },
  { name: 'parted', hosts: 4, words: ['10'] },
].filter(({ name }) => only === undefined || name === only);
for (const line of lines) {
  const folder = testFolder(`acceptance-hosts-${line.name}`);
  progress(`${line.name}: ${folder}/driver.log, load ${loadavg()[0]?.toFixed(1)}`);
  const found = await runOnHosts(line.name, line.hosts, folder, 45 * 60_000, words.length > 0 ? words : line.words);
  report(folder, line.name, [], { ...found, load: `${loadavg()[0]?.toFixed(1)}` });
  if ((found['missed'] ?? '') !== '') process.exitCode = 1;
}
process.exit();
