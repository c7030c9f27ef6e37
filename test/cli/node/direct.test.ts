/**
 * Short ways in the main thread of a node: who dialled us before we knew him has an address by the table; the socket for copies
 * takes one over the network and answers it.
 * Seen failing with: addresses only of those whom we were told to call; the port of the main thread not told.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createSocket } from 'node:dgram';
import { test } from 'node:test';
import { DirectWay } from '../../../cluster/direct/way.ts';
import type { PeerWorkers } from '../../../cluster/direct/way.ts';
import type { PeerItem } from '../../../cluster/peer-items.ts';
import type { Table } from '../../../cluster/table.ts';
import { Direct } from '../../../src/cli/node/direct.ts';
import { deriveKey } from '../../../src/cli/worker/identity.ts';
import type { ToWorker } from '../../../src/cli/worker/messages.ts';
import { isProblems, parseConfig } from '../../../src/config/config.ts';
import { SystemClock } from '../../../src/io/clock.ts';
import { chooseUdp } from '../../../src/io/udp-path.ts';

const clock = new SystemClock();

class Node {
  readonly said: PeerItem[] = [];
  readonly known: PeerWorkers[] = [];
  readonly copies: string[] = [];
  readonly direct: Direct;

  constructor(id: string) {
    const config = parseConfig({ cluster: { name: 'test', secret: 'x' }, domains: ['a.test'], node: { id } });
    assert.ok(!isProblems(config));
    this.direct = new Direct(config, 1, {
      clock,
      log: { write: () => {} },
      sendPeer: (_peer, item) => void this.said.push(item),
      tellWorkers: (message: ToWorker) => {
        if (message.type === 'direct') this.known.push(message.workers);
      },
      addressOf: () => undefined,
      word: (partition, payload, answer) => {
        this.copies.push(`${partition} ${payload.toString()}`);
        answer(Buffer.from('got it'));
      },
      count: assert.fail,
    });
  }
}

test('a node that nobody was told to call is known by the table, and copies go to it and are answered', async () => {
  const [a, b] = [new Node('a'), new Node('b')];
  await b.direct.open(chooseUdp('node'));
  b.direct.onPeer('a', true, 1);
  b.direct.peers.workerHas(0, 1_000);
  const item = b.said.at(-1);
  assert.ok(item?.kind === 'workers' && item.mainPort > 0);
  a.direct.onPeer('b', true, 1);
  a.direct.peers.heard('b', 1, item.ports, item.mainPort);
  assert.deepEqual(a.known, []);
  const members = [{ id: 'b', incarnation: 1, link: '127.0.0.1:7000' }];
  a.direct.adopt({ members } as unknown as Table);
  a.direct.adopt({ members } as unknown as Table);
  assert.deepEqual(
    a.known.map(({ node, host, mainPort }) => [node, host, mainPort]),
    [['b', '127.0.0.1', item.mainPort]],
    'told once',
  );
  const socket = createSocket('udp4');
  const answers: string[] = [];
  const self = { node: 'a', incarnation: 1, worker: 0 };
  const way: DirectWay = new DirectWay(self, deriveKey('x', 'datagrams'), new Int32Array(1), {
    nowMs: () => clock.monotonicMs(),
    clusterMs: () => clock.clusterMs(),
    send: (host, port, octets) => socket.send(octets, port, host),
    item: () => assert.fail(),
    word: (partition, payload) => void answers.push(`${partition} ${payload.toString()}`),
    count: () => {},
  });
  socket.on('message', (octets, { address, port }) => way.received(octets, address, port));
  way.know(a.known[0]!);
  assert.equal(way.roomForCopy('b.1'), 0);
  await once(socket, 'message');
  const room = way.roomForCopy('b.1');
  assert.ok(room > 4_000);
  way.copy('b.1', 7, Buffer.alloc(room, 'x'));
  await once(socket, 'message');
  assert.deepEqual(b.copies, [`7 ${'x'.repeat(room)}`]);
  assert.deepEqual(answers, ['7 got it']);
  socket.close();
  await b.direct.close();
});
