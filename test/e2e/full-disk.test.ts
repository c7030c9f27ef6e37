/**
 * The disk of the store is full for a while: calls go on, registrations are refused because nothing may be promised that
 * is not stored, the log and the API say so, and all is well by itself when there is room again.
 */
import assert from 'node:assert/strict';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { folder as folderOf, mount } from '../cluster/stores/folder.ts';
import { readCluster, isReady } from './support/admin.ts';
import { registerUsers, writeCalls } from './support/calls.ts';
import { signal, stop, until } from './support/children.ts';
import { freeBase, startCluster, type Cluster } from './support/cluster.ts';
import { testFolder } from './support/report.ts';
import { credentials, newBranch, newIds, nonceOf, SipClient } from './support/sip-client.ts';
import { lostOf, Sipp } from './support/sipp.ts';
import { missing } from './support/tools.ts';
import { makeUsers, type TestUser } from './support/users.ts';

const users = makeUsers(10);
const late: TestUser = { name: 'late1', aor: 'sip:late1@example.test', password: 'secret-1' };
const later: TestUser = { name: 'late2', aor: 'sip:late2@example.test', password: 'secret-2' };

/** Writes until there is no room for one more octet. */
function fill(file: string): void {
  const handle = openSync(file, 'w');
  for (let size = 65_536; size >= 1; size = size > 1 ? size >> 1 : 0) {
    try {
      for (;;) writeSync(handle, Buffer.alloc(size));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
  }
  closeSync(handle);
}

async function register(client: SipClient, user: TestUser, contact: string): Promise<{ status: number; text: string }> {
  const ids = newIds(user.aor, user.aor);
  const lines = [`Contact: <${contact}>`, 'Expires: 600'];
  const first = await client.ask(client.request('REGISTER', 'sip:example.test', ids, lines), ids.branch, 8_000);
  assert.ok(first?.status === 401, first?.text ?? 'no answer');
  const again = { ...ids, branch: newBranch(), cseq: 2 };
  const proof = `Authorization: ${credentials(user, 'REGISTER', 'sip:example.test', nonceOf(first.text))}`;
  const answer = await client.ask(
    client.request('REGISTER', 'sip:example.test', again, [...lines, proof]),
    again.branch,
    8_000,
  );
  assert.ok(answer !== undefined, 'REGISTER is answered');
  return answer;
}

test('a full disk', { skip: missing('sipp'), timeout: 120_000 }, async (t) => {
  const base = await freeBase(25_200);
  const folder = testFolder('full-disk');
  const data = folderOf(t);
  if (!mount(t, 'tmpfs', ['-t', 'tmpfs', '-o', 'size=24m'], data)) return;
  const name = `e2e-${base}-${process.pid}`;
  const cluster = await startCluster({
    nodes: 2,
    base,
    folder,
    users: [...users, late, later],
    config: { cluster: { name, store: `sqlite:${data}/carillon.db`, secret: 'only-for-tests-on-loopback' } },
  });
  const open: (() => Promise<unknown>)[] = [async () => cluster.stop()];
  // The disk goes last, so these cannot be hooks of their own.
  try {
    await checks(cluster, folder, data, open);
  } finally {
    for (const close of open.reverse()) await close();
  }
});

async function checks(cluster: Cluster, folder: string, data: string, open: (() => Promise<unknown>)[]): Promise<void> {
  const base = cluster.sipPort;
  const [first = '', second = ''] = cluster.admins;
  const client = await new SipClient(base).open();
  open.push(async () => client.close());
  const place = { folder, server: base };
  const callee = new Sipp({ ...place, scenario: 'uas', name: 'callee', port: base + 61, ringMs: 100 });
  open.push(async () => stop(callee.child, 1_000));
  const registered = await registerUsers(place, users, {
    name: 'users',
    port: base + 63,
    contact: base + 61,
    perSecond: 20,
  });
  assert.equal(registered.ok, users.length, registered.errors);
  assert.equal((await client.fetchContacts(late))?.status, 200);
  assert.equal((await client.fetchContacts(later))?.status, 200);

  fill(`${data}/filler`);
  const refused = await until('a REGISTER is refused', 20_000, async () => {
    const answer = await register(client, late, `sip:late@127.0.0.1:${base + 70}`);
    return answer.status === 200 ? undefined : answer;
  });
  assert.equal(refused.status, 503, refused.text);
  assert.match(refused.text, /^Retry-After: \d+/m);
  await until('the API says that the store is down', 15_000, async () => {
    const view = await readCluster(first);
    return view?.storeUp === false || undefined;
  });
  const pairs = users.slice(0, 5).map((user, index) => [user, users[9 - index] ?? user] as const);
  const calls = await writeCalls(place, 'callers', pairs);
  const callers = new Sipp({
    ...place,
    scenario: 'uac',
    name: 'callers',
    port: base + 64,
    count: 5,
    calls,
    perSecond: 5,
  });
  const result = await callers.result(40_000);
  assert.equal(lostOf(result, 5), 0, `calls go on: ${result.errors}`);
  assert.equal((await register(client, later, `sip:later@127.0.0.1:${base + 70}`)).status, 503);
  for (const admin of cluster.admins) assert.ok(await isReady(admin), 'still serving');
  const lines = cluster.supervisor
    .output()
    .split('\n')
    .filter((line) => line.includes('store-failing'));
  assert.ok(lines.length >= 1 && lines.length <= 4, `a line for each worker, not for each write: ${lines.length}`);
  assert.match(lines[0] ?? '', /No space is left/);

  rmSync(`${data}/filler`);
  await until('a REGISTER is accepted', 20_000, async () => {
    const answer = await register(client, late, `sip:late@127.0.0.1:${base + 70}`);
    return answer.status === 200 || undefined;
  });
  await until('the API says that the store is up', 15_000, async () => {
    const view = await readCluster(second);
    return view?.storeUp === true || undefined;
  });
  assert.equal((await client.fetchContacts(later))?.contacts.length, 0, 'what was refused is not there');
  await sleep(1_000);
  const pid = cluster.pids().get('a');
  assert.ok(pid !== undefined);
  signal(pid, 'SIGKILL');
  await cluster.settled(30_000);
  for (const user of [...users, late])
    assert.equal((await client.fetchContacts(user))?.contacts.length, 1, `${user.name} is stored`);
}
