// Two phones over TCP talk through two nodes. The node of one is lost: it connects to another one and registers again, and
// the call can be ended from the other side, the one way and the other.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { signal, until } from './support/children.ts';
import { freeBase, startCluster, type Cluster } from './support/cluster.ts';
import { testFolder } from './support/report.ts';
import { TcpPhone } from './support/tcp-phone.ts';
import { makeUsers } from './support/users.ts';

const base = await freeBase(22_800);
const users = makeUsers(2, 'tcp');
const [alice, bob] = users.map((user) => new TcpPhone(user, base));
assert.ok(alice !== undefined && bob !== undefined);
let cluster: Cluster;

before(async () => {
  cluster = await startCluster({ nodes: 3, base, folder: testFolder('come-back'), users });
});
after(async () => {
  alice.stop();
  bob.stop();
  await cluster.stop();
});

/** The process at the other end of the phone's connection. */
function nodeOf(phone: TcpPhone): { id: string; pid: number } | undefined {
  const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0');
  const line = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .find((each) => new RegExp(`:${hex(base)} [0-9A-F]+:${hex(phone.localPort)} 01 `).test(each));
  const inode = line?.trim().split(/\s+/)[9] ?? '';
  for (const [id, pid] of cluster.pids()) {
    for (const fd of readdirSync(`/proc/${pid}/fd`)) {
      try {
        if (readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`) return { id, pid };
      } catch {
        // Closed meanwhile.
      }
    }
  }
  return undefined;
}

test('a BYE finds a phone whose node was killed', { timeout: 120_000 }, async () => {
  for (const [lost, other] of [
    [bob, alice],
    [alice, bob],
  ] as const) {
    await cluster.settled(30_000);
    await Promise.all([lost.reconnect(), other.reconnect()]);
    await until('the phones are on two nodes', 20_000, async () => {
      const [one, two] = [nodeOf(lost), nodeOf(other)];
      if (one !== undefined && two !== undefined && one.id !== two.id) return true;
      await other.reconnect();
      return undefined;
    });
    await alice.call(bob.user);
    await until('the ACK is there', 5_000, () => Promise.resolve(bob.requests.includes('ACK') || undefined));
    const { registrations } = lost;
    const node = nodeOf(lost);
    assert.ok(node !== undefined);
    lost.requests.length = 0;
    signal(node.pid, 'SIGKILL');
    const startedMs = performance.now();
    // What was on its way to that very node when it died is lost. Afterwards: the phone may still be on its way to another one.
    await sleep(700);
    assert.equal(await other.bye(), 200, `${lost.user.name} was on ${node.id}`);
    assert.ok(performance.now() - startedMs < 15_000);
    assert.deepEqual(lost.requests, ['BYE']);
    assert.ok(lost.registrations > registrations);
    bob.requests.length = 0;
  }
});
