/**
 * A real balancer in front: HAProxy announces its clients by the PROXY protocol, and the cluster believes it. Skipped where
 * it is not installed. Seen failing with: the address of the balancer in `received`.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { allRegistrations, metrics } from './support/admin.ts';
import { start, stop, until, type Child } from './support/children.ts';
import { freeBase, startCluster, type Cluster } from './support/cluster.ts';
import { testFolder } from './support/report.ts';
import { Sipp } from './support/sipp.ts';
import { sipsak } from './support/sipsak.ts';
import { missing } from './support/tools.ts';
import { domain, makeUsers, sippCredentials, writeCsv } from './support/users.ts';

const skip = missing('haproxy', 'sipp', 'sipsak');
const base = await freeBase(27_200);
const folder = testFolder('front-haproxy');
const users = makeUsers(2);
const client = '127.0.0.5';
/** Of HAProxy: version 1, version 2, and one without a header. */
const fronts = { one: base + 41, two: base + 42, none: base + 43 };
let cluster: Cluster;
let haproxy: Child | undefined;

before(async () => {
  if (skip !== false) return;
  const config = { listen: [`udp:127.0.0.1:${base}`, `tcp:127.0.0.1:${base}?proxy=127.0.0.1`] as [string, string] };
  cluster = await startCluster({ nodes: 2, base, folder, users, config });
  writeFileSync(`${folder}/haproxy.cfg`, haproxyConfig());
  haproxy = start('haproxy', 'haproxy', ['-db', '-f', `${folder}/haproxy.cfg`], { log: `${folder}/haproxy.log` });
  await until('haproxy listens', 5_000, async () => ((await options(fronts.two, client)) === '' ? undefined : true));
});
after(async () => {
  if (haproxy !== undefined) await stop(haproxy);
  if (skip === false) assert.equal(await cluster.stop(), 0);
});

test('the client stands in Via, not the balancer: versions 1 and 2', { skip }, async () => {
  for (const port of [fronts.one, fronts.two]) {
    const answer = await options(port, client);
    assert.match(answer, /^SIP\/2\.0 200 /);
    const [, ownPort] = /^Via: .*;branch=z9hG4bK(\d+)/im.exec(answer) ?? [];
    assert.match(answer, new RegExp(`^Via: .*;received=${client.replaceAll('.', '\\.')}`, 'im'));
    assert.match(answer, new RegExp(`^Via: .*;rport=${ownPort}`, 'im'));
  }
  // Somebody who is no balancer needs no header.
  assert.match(await options(base, client), /^SIP\/2\.0 200 /);
});

test('sipsak over TCP through the balancer', { skip }, async () => {
  const args = ['-E', 'tcp', '-s', 'sip:127.0.0.1', '-r', String(fronts.two), '-vv'];
  const { code, output } = await sipsak('options', args, folder);
  assert.equal(code, 0, output);
  assert.match(output, /^SIP\/2\.0 200 /m);
});

test('SIPp registers over TCP, and the registration leads to the client', { skip, timeout: 30_000 }, async () => {
  for (const [index, port] of [fronts.one, fronts.two].entries()) {
    const user = users[index];
    assert.ok(user !== undefined);
    const name = `register-${index}`;
    const sipp = new Sipp({
      scenario: 'register',
      folder,
      name,
      server: port,
      transport: 't1',
      address: client,
      port: base + 60 + index,
      count: 1,
      calls: writeCsv(`${folder}/${name}.csv`, [[user.name, sippCredentials(user), '5062']]),
      authUri: domain,
    });
    const result = await sipp.result(15_000);
    assert.deepEqual([result.ok, result.code], [1, 0], result.errors);
    const [found] = (await allRegistrations(cluster.admins[0] ?? '')).filter(({ aor }) => aor === user.aor);
    assert.match(found?.flow ?? '', new RegExp(client.replaceAll('.', '\\.')));
  }
});

test('a balancer that says nothing of its client is refused and counted', { skip }, async () => {
  assert.equal(await options(fronts.none, client), '');
  const samples = await Promise.all(cluster.admins.map(metrics));
  const refused = samples.map((each) => each.get('carillon_events_total{event="tcp-unannounced"}') ?? 0);
  assert.ok(refused.reduce((sum, each) => sum + each, 0) >= 1, JSON.stringify(refused));
});

/** The answer to an OPTIONS over TCP, whose branch is our port; '' when there is none. */
function options(port: number, from: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ host: '127.0.0.1', port, localAddress: from }, () => {
      const own = socket.localPort;
      socket.write(
        `OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.99:5060;branch=z9hG4bK${own};rport\r\n` +
          `Max-Forwards: 70\r\nFrom: <sip:t@127.0.0.1>;tag=${own}\r\nTo: <sip:127.0.0.1>\r\nCall-ID: ${own}@t\r\n` +
          'CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n',
      );
    });
    socket.setTimeout(3_000, () => socket.destroy());
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (answer.includes('\r\n\r\n')) socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
  });
}

function haproxyConfig(): string {
  const front = (name: string, port: number, send: string): string =>
    `listen ${name}\n  bind 127.0.0.1:${port}\n  server cluster 127.0.0.1:${base} ${send}\n`;
  return (
    'global\n  maxconn 100\ndefaults\n  mode tcp\n  timeout connect 2s\n  timeout client 30s\n  timeout server 30s\n' +
    front('one', fronts.one, 'send-proxy') +
    front('two', fronts.two, 'send-proxy-v2') +
    front('none', fronts.none, '')
  );
}
