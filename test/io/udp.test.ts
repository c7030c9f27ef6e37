/** UDP on the loopback: two sockets on one port, and errors that must not end anything. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { test } from 'node:test';
import type { Flow } from '../../src/outside.ts';
import { ReusePortUnsupported, listenError } from '../../src/io/reuse-port.ts';
import { openUdp } from '../../src/io/udp.ts';
import type { UdpTransport } from '../../src/io/udp.ts';
import { until } from './until.ts';

const port = 21_010;
const to = (address: string, toPort: number): Flow => ({
  protocol: 'udp',
  listener: 0,
  address,
  port: toPort,
  connection: '',
});

test('two sockets share one port, both receive, and answers come from that port', async () => {
  const servers: UdpTransport[] = [];
  for (let i = 0; i < 2; i++) {
    const server = await openUdp({
      address: '127.0.0.1',
      port,
      listener: 3,
      reusePort: true,
      onMessage: (bytes, flow) => {
        assert.deepEqual(
          { ...flow, port: 0 },
          { protocol: 'udp', listener: 3, address: '127.0.0.1', port: 0, connection: '' },
        );
        server.send(flow, Buffer.concat([Buffer.from(`${i}:`), bytes]));
      },
      onError: (code) => assert.fail(code),
    });
    servers.push(server);
  }
  const clients = [];
  const answers: string[] = [];
  for (let i = 0; i < 24; i++) {
    const client = await openUdp({
      address: '127.0.0.1',
      port: 0,
      listener: 0,
      reusePort: false,
      onMessage: (bytes, flow) => {
        assert.equal(flow.port, port);
        answers.push(bytes.toString());
      },
      onError: (code) => assert.fail(code),
    });
    clients.push(client);
    client.send(to('127.0.0.1', port), Buffer.from(`hello ${i}`));
  }
  await until(() => answers.length === 24);
  assert.equal(new Set(answers.map((a) => a.slice(2))).size, 24);
  assert.deepEqual(
    servers.map((s) => s.stats.received > 0),
    [true, true],
  );
  await Promise.all([...servers, ...clients].map((s) => s.close()));
  await servers[0]!.close();
});

test('packets that cannot be sent are counted and reported with their flow, and the socket lives', async () => {
  const errors: [string, string, number][] = [];
  const received: string[] = [];
  const udp = await openUdp({
    address: '127.0.0.1',
    port: port + 1,
    listener: 0,
    reusePort: true,
    onMessage: (bytes) => received.push(bytes.toString()),
    onError: (code, flow, token) => errors.push([code, token, flow?.port ?? -1]),
  });
  udp.send(to('127.0.0.1', 0), Buffer.from('x'), 'port 0');
  udp.send(to('127.0.0.1', 70_000), Buffer.from('x'), 'port 70000');
  udp.send(to('not an address', 5060), Buffer.from('x'), 'no address');
  udp.send(to('2001:db8::1', 5060), Buffer.from('x'), 'other family');
  udp.send(to('127.0.0.1', 5060), Buffer.alloc(65_508), 'too long');
  udp.send(to('127.0.0.1', 1), Buffer.from('refused by nobody there'));
  await until(() => errors.length === 5);
  assert.deepEqual(
    new Set(errors.map(([, token]) => token)),
    new Set(['port 0', 'port 70000', 'no address', 'other family', 'too long']),
  );
  assert.equal(udp.stats.failed, 5);
  // The same without a token: sampled, so persistent failure shows.
  for (let i = 0; i < 64; i++) udp.send(to('255.255.255.255', 9), Buffer.from('x'));
  await until(() => errors.length >= 7);
  assert.deepEqual(errors[5]!.slice(1), ['', 9]);
  udp.send(to('127.0.0.1', port + 1), Buffer.from('still here'), 'token');
  await until(() => received.length === 1);
  await udp.close();
  udp.send(to('127.0.0.1', port + 1), Buffer.from('closed'), 'after');
  assert.deepEqual(errors.at(-1), ['closed', 'after', port + 1]);
});

test('a port that another holds alone is refused with its reason', async () => {
  const holder = createSocket('udp4');
  await new Promise<void>((resolve) => holder.bind(port + 2, '127.0.0.1', resolve));
  const options = { address: '127.0.0.1', port: port + 2, listener: 0, reusePort: true, onMessage() {}, onError() {} };
  await assert.rejects(openUdp(options), { code: 'EADDRINUSE' });
  holder.close();
  assert(listenError({ code: 'ENOTSUP' }, 'udp:127.0.0.1:5060', true) instanceof ReusePortUnsupported);
  assert(!(listenError({ code: 'ENOTSUP' }, 'udp:127.0.0.1:5060', false) instanceof ReusePortUnsupported));
});
