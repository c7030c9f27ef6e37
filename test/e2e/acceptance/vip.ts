/**
 * A virtual IP moved by a real keepalived between two hosts (namespaces; root): one host dies with calls established and
 * ringing, the other gets the address and the calls. `node test/e2e/acceptance/vip.ts [CALLS] [process]`: with `process` only the
 * node dies and its host lives, which keepalived learns from /readyz.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { start, stop, until } from '../support/children.ts';
import { registerUsers, writeChallengedCalls } from '../support/calls.ts';
import { progress, report, testFolder } from '../support/report.ts';
import { Sipp, lostOf } from '../support/sipp.ts';
import { missing } from '../support/tools.ts';
import { domain, makeUsers } from '../support/users.ts';
import { clientAddress, makeHosts, onClients, removeHosts, vip, VipHost } from '../support/vip.ts';

const count = Number(process.argv[2] ?? 50);

if (process.env['CARILLON_VIP'] === undefined) {
  const absent = missing('ip', 'keepalived', 'sipp', 'redis-server', 'curl');
  if (absent !== false || process.getuid?.() !== 0) {
    console.log(`skipped: ${absent === false ? 'network namespaces need root' : absent}`);
  } else {
    process.on('exit', removeHosts);
    makeHosts();
    onClients(fileURLToPath(import.meta.url), String(count), ...process.argv.slice(3));
  }
} else await inside();

async function inside(): Promise<void> {
  const folder = testFolder('acceptance-vip');
  const redisArgs = [
    '--bind',
    clientAddress,
    '--port',
    '6379',
    '--save',
    '',
    '--protected-mode',
    'no',
    '--dir',
    folder,
  ];
  const redis = start('redis', 'redis-server', [...redisArgs, '--appendonly', 'yes'], { log: `${folder}/redis.log` });
  await sleep(500);
  const users = makeUsers(count + 1);
  const [callee] = users;
  if (callee === undefined) throw new Error('no users');
  const one = new VipHost('one', folder, users);
  const two = new VipHost('two', folder, users);
  const place = { folder, server: 5_060, serverAddress: vip, address: clientAddress };
  const answering = new Sipp({ ...place, scenario: 'uas', name: 'callee', port: 6_061, ringMs: 4_000 });
  try {
    await until('both nodes are ready', 30_000, () => (one.isReady() && two.isReady()) || undefined);
    await until('somebody has the virtual IP', 15_000, () => one.hasVip() || two.hasVip() || undefined);
    const [first, second] = one.hasVip() ? [one, two] : [two, one];
    progress(`both nodes are ready, host ${first.name} has ${vip}`);
    const registering = { name: 'register', port: 6_062, contact: 6_061, perSecond: 10 };
    const registered = await registerUsers(place, [callee], registering);
    if (registered.ok !== 1) throw new Error(`not registered: ${registered.errors}`);
    const calling = new Sipp({
      ...place,
      scenario: 'uac-challenged',
      name: 'caller',
      port: 6_064,
      transport: 'un',
      count,
      calls: writeChallengedCalls(place, 'caller', users.slice(1), callee),
      perSecond: 10,
      pauseMs: 6_000,
      authUri: `${callee.name}@${domain}`,
    });
    // Of ten calls a second, those of the last four seconds ring.
    await sleep((count / 10) * 1_000 + 200);
    const diedAtMs = performance.now();
    if (process.argv[3] === 'process') first.killNode();
    else first.die();
    progress(`${process.argv[3] ?? 'host'} ${first.name} is dead`);
    await second.gotVip(10_000);
    const movedMs = Math.round(performance.now() - diedAtMs);
    progress(`host ${second.name} has ${vip} after ${movedMs} ms`);
    const result = await calling.result(60_000);
    const lost = lostOf(result, count);
    report(folder, 'vip', [], {
      'calls': count,
      'calls lost': lost,
      'causes': JSON.stringify(result.causes),
      'requests repeated': result.retransmissions,
      'virtual IP moved after, ms': movedMs,
    });
    if (lost > 0) console.log(result.errors.slice(0, 4_000));
    process.exitCode = lost === 0 ? 0 : 1;
  } finally {
    one.stop();
    two.stop();
    await stop(answering.child, 1_000);
    await stop(redis, 1_000);
  }
}
