/**
 * A node leaves a cluster that goes on: what clients and operators see. Seen failing with: the node gone at once with the
 * connections of its clients; connections accepted all the while.
 */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isReady } from './support/admin.ts';
import { start, until } from './support/children.ts';
import { freeBase, nodeOf, startCluster, type Cluster } from './support/cluster.ts';
import { testFolder } from './support/report.ts';

const base = await freeBase(27_400);
const folder = testFolder('drain');
const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
let cluster: Cluster;
const sockets: Socket[] = [];

before(async () => {
  cluster = await startCluster({ nodes: 2, base, folder, users: [], config: { drain: { connectionsSeconds: 60 } } });
});
after(async () => {
  for (const socket of sockets) socket.destroy();
  assert.equal(await cluster.stop(), 0);
});

test('a drained node keeps its connections, takes no new ones, and ends when the last is gone', async () => {
  const [a = ''] = cluster.admins;
  // The kernel spreads connections over the nodes: with these, both have some.
  for (let index = 0; index < 24; index += 1) sockets.push(await open());
  for (const socket of sockets) assert.match(await options(socket), /^SIP\/2\.0 200 /);
  const before_ = nodeOf(await cluster.view(), 'b').load?.clients ?? 0;
  assert.ok(before_ > 0 && before_ < sockets.length, `${before_} connections of b`);

  const watch = start('watch', process.execPath, [main, 'node', 'drain', 'b', '--watch', '--admin', a], {
    log: `${folder}/watch.log`,
  });
  await until('b is not ready', 2_000, async () => ((await isReady(cluster.admins[1] ?? '')) ? undefined : true));
  await until('b keeps its connections only', 10_000, () =>
    watch.output().includes(`keeps ${before_} connections`) ? true : undefined,
  );

  // Old connections are served, whoever has the partitions now; new ones come to the other node.
  for (const socket of sockets) assert.match(await options(socket), /^SIP\/2\.0 200 /);
  for (let index = 0; index < 12; index += 1) {
    const late = await open();
    assert.match(await options(late), /^SIP\/2\.0 200 /);
    sockets.push(late);
  }
  assert.equal(nodeOf(await cluster.view(), 'b').load?.clients, before_);

  for (const socket of sockets.splice(0)) socket.destroy();
  assert.equal(await watch.ended, 0);
  assert.match(watch.output(), /^node b is draining\n[^]*node b has left\n$/);
  await until('the supervisor says so', 3_000, () =>
    cluster.supervisor.output().includes('node b ended (code 0)') ? true : undefined,
  );
});

async function open(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: base }, () => resolve(socket));
    socket.once('error', reject);
  });
}

let serial = 0;

/** The answer to an OPTIONS over this connection; what came when nothing whole came in time. */
function options(socket: Socket): Promise<string> {
  const id = `${base}-${(serial += 1)}`;
  return new Promise((resolve) => {
    let answer = '';
    const timeout = setTimeout(() => done(), 3_000);
    const onData = (chunk: Buffer): void => {
      answer += chunk.toString('latin1');
      if (answer.includes('\r\n\r\n')) done();
    };
    const done = (): void => {
      clearTimeout(timeout);
      socket.off('data', onData);
      resolve(answer);
    };
    socket.on('data', onData);
    socket.write(
      `OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:${socket.localPort};branch=z9hG4bK${id};rport\r\n` +
        `Max-Forwards: 70\r\nFrom: <sip:t@127.0.0.1>;tag=${id}\r\nTo: <sip:127.0.0.1>\r\nCall-ID: ${id}\r\n` +
        'CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n',
    );
  });
}
