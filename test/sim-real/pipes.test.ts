// Pipes of the twin cut like a network: nothing is closed, nothing is lost, each way for itself.
// Seen failing with: `forth` taken for the way back.
import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freeBase, offsets } from '../../sim/real/ports.ts';
import { Pipes } from '../../sim/real/pipes.ts';

test('what is cut one way arrives after healing, the other way at once', async (t) => {
  const server = createServer((socket) => {
    socket.on('data', (bytes: Buffer) => (heard += bytes.toString()));
    socket.on('error', () => undefined);
    socket.write('hello');
  });
  let heard = '';
  let answered = '';
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = await freeBase(31);
  const listen = { address: '127.0.0.1', port: base + offsets.advertisedLink };
  const cuts = { forth: false, back: true };
  const pipes = new Pipes({
    listen,
    to: { address: '127.0.0.1', port: (server.address() as AddressInfo).port },
    nameOf: (first) => (first.length < 2 ? undefined : first.subarray(0, 1).toString()),
    isOpen: (dialler, forth) => {
      assert.equal(dialler, 'a');
      return !(forth ? cuts.forth : cuts.back);
    },
    delayMs: () => 0,
  });
  await pipes.open();
  const client = connect({ host: listen.address, port: listen.port });
  t.after(() => {
    client.destroy();
    pipes.close();
    server.close();
  });
  client.on('data', (bytes: Buffer) => (answered += bytes.toString()));
  client.write('a');
  client.write('b');
  await until(() => heard === 'ab');
  assert.equal(answered, '', 'the way back is cut');
  cuts.forth = true;
  cuts.back = false;
  client.write('c');
  await until(() => answered === 'hello');
  assert.equal(heard, 'ab', 'the way forth is cut');
  cuts.forth = false;
  await until(() => heard === 'abc');
  assert.equal(client.destroyed, false);
});

async function until(holds: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 300 && !holds(); attempt++) await sleep(10);
  assert.ok(holds());
}
