/**
 * The contract of UDP on loopback, held by both ways it can go: errors end nothing, what is queued leaves, octets come as
 * they were sent. Seen failing with: the arena written from its start while packets wait; no flush before closing; the
 * failures of a flush read after what their reports send; IPv6 addresses with their words swapped.
 */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { after, describe, test } from 'node:test';
import type { Flow } from '../../src/outside.ts';
import { openNativeUdp } from '../../src/io/native/native-udp.ts';
import { openNodeUdp } from '../../src/io/node-udp.ts';
import { ReusePortUnsupported, listenError } from '../../src/io/reuse-port.ts';
import { chooseUdp } from '../../src/io/udp-path.ts';
import type { UdpOptions, UdpTransport } from '../../src/io/udp.ts';
import { testAddon } from './native/test-addon.ts';
import { until } from './until.ts';

const port = 21_010;
const ipv4 = '127.0.0.1';
const to = (address: string, toPort: number): Flow => ({
  protocol: 'udp',
  listener: 0,
  address,
  port: toPort,
  connection: '',
});
const addon = testAddon();
const paths = [
  { path: 'node', skip: false, openUdp: openNodeUdp },
  {
    path: 'native',
    skip: typeof addon === 'string' ? addon : false,
    openUdp: async (options: UdpOptions) => openNativeUdp(addon as Exclude<typeof addon, string>, options),
  },
];

for (const { path, skip, openUdp: openOne } of paths) {
  const opened: UdpTransport[] = [];
  const openUdp = async (options: UdpOptions): Promise<UdpTransport> => {
    const socket = await openOne(options);
    opened.push(socket);
    return socket;
  };
  /** A socket with a port of its own. Errors fail the test. */
  const open = (onMessage: UdpOptions['onMessage'], address = ipv4): Promise<UdpTransport> =>
    openUdp({ address, port: 0, listener: 0, reusePort: false, onMessage, onError: (code) => assert.fail(code) });

  describe(`UDP, ${path}`, { skip }, () => {
    // What a test that failed left open would keep the process.
    after(() => Promise.all(opened.map((socket) => socket.close())));

    test('two sockets share one port, both receive, and answers come from that port', async () => {
      const servers: UdpTransport[] = [];
      for (let i = 0; i < 2; i++) {
        const server = await openUdp({
          address: ipv4,
          port,
          listener: 3,
          reusePort: true,
          onMessage: (bytes, flow) => {
            assert.deepEqual(
              { ...flow, port: 0 },
              { protocol: 'udp', listener: 3, address: ipv4, port: 0, connection: '' },
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
        const client = await open((bytes, flow) => {
          assert.equal(flow.port, port);
          answers.push(bytes.toString());
        });
        clients.push(client);
        client.send(to(ipv4, port), Buffer.from(`hello ${i}`));
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
        address: ipv4,
        port: port + 1,
        listener: 0,
        reusePort: true,
        onMessage: (bytes) => received.push(bytes.toString()),
        onError: (code, flow, token) => errors.push([code, token, flow?.port ?? -1]),
      });
      udp.send(to(ipv4, 0), Buffer.from('x'), 'port 0');
      udp.send(to(ipv4, 70_000), Buffer.from('x'), 'port 70000');
      udp.send(to('not an address', 5060), Buffer.from('x'), 'no address');
      udp.send(to('2001:db8::1', 5060), Buffer.from('x'), 'other family');
      udp.send(to(ipv4, 5060), Buffer.alloc(65_508), 'too long');
      udp.send(to(ipv4, 1), Buffer.from('refused by nobody there'), 'refused');
      await until(() => errors.length === 5);
      assert.deepEqual(
        new Set(errors.map(([, token]) => token)),
        new Set(['port 0', 'port 70000', 'no address', 'other family', 'too long']),
      );
      assert.equal(udp.stats.failed, 5);
      // The system refuses a broadcast. In the middle of others that leave, each report with its own token.
      for (let i = 0; i < 9; i++)
        udp.send(to(i % 3 === 0 ? '255.255.255.255' : ipv4, port + 1), Buffer.from(String(i)), `token ${i}`);
      await until(() => errors.length === 8 && received.length === 6);
      assert.deepEqual(
        errors.slice(5).toSorted((a, b) => (a[1] < b[1] ? -1 : 1)),
        [0, 3, 6].map((i) => ['EACCES', `token ${i}`, port + 1]),
      );
      assert.deepEqual(received, ['1', '2', '4', '5', '7', '8']);
      // The same without a token: sampled, so persistent failure shows.
      for (let i = 0; i < 64; i++) udp.send(to('255.255.255.255', 9), Buffer.from('x'));
      await until(() => errors.length >= 10);
      assert.deepEqual(errors[8]!.slice(1), ['', 9]);
      udp.send(to(ipv4, port + 1), Buffer.from('still here'), 'token');
      await until(() => received.length === 7);
      await udp.close();
      udp.send(to(ipv4, port + 1), Buffer.from('closed'), 'after');
      assert.deepEqual(errors.at(-1), ['closed', 'after', port + 1]);
    });

    test('a report may send again, and fail again', async () => {
      const tokens: string[] = [];
      const udp = await openUdp({
        address: ipv4,
        port: 0,
        listener: 0,
        reusePort: false,
        onMessage: () => undefined,
        onError(_code, flow, token) {
          tokens.push(token);
          if (token.length < 4)
            for (let i = 0; i < 40; i++) udp.send(flow!, Buffer.from('x'), i === 0 ? `${token}+` : 'leaf!');
        },
      });
      udp.send(to('255.255.255.255', 9), Buffer.from('x'), 'a');
      udp.send(to('255.255.255.255', 9), Buffer.from('x'), 'b');
      const wanted = 2 + 2 * 3 * 40;
      await until(() => tokens.length === wanted);
      const seen = tokens.filter((token) => token !== 'leaf!').toSorted();
      assert.deepEqual(seen, ['a', 'a+', 'a++', 'a+++', 'b', 'b+', 'b++', 'b+++']);
      await udp.close();
    });

    test('a port that another holds alone is refused with its reason', async () => {
      const holder = createSocket('udp4');
      await new Promise<void>((resolve) => holder.bind(port + 2, ipv4, resolve));
      const options = { address: ipv4, port: port + 2, listener: 0, reusePort: true, onMessage() {}, onError() {} };
      await assert.rejects(openUdp(options), { code: 'EADDRINUSE' });
      await assert.rejects(openUdp({ ...options, address: '192.0.2.1' }), { code: 'EADDRNOTAVAIL' });
      holder.close();
    });

    for (const address of [ipv4, '::1'])
      test(`every size arrives as it was sent, ${address}`, async () => {
        const received: Buffer[] = [];
        let from: Flow | undefined;
        const server = await open((bytes, flow) => {
          from = flow;
          server.send(flow, bytes);
        }, address);
        const client = await open((bytes) => received.push(bytes), address);
        const sizes = [0, 1, 2, 499, 1_471, 1_472, 1_473, 8_191, 32_767, 32_768, 32_769, 65_506, 65_507];
        for (const size of sizes) {
          const sent = Buffer.alloc(size, `${size} octets `);
          client.send(to(address, server.port), sent, 'token');
          await until(() => received.length === 1);
          assert.deepEqual(received.pop(), sent);
        }
        assert.deepEqual(from, { protocol: 'udp', listener: 0, address, port: client.port, connection: '' });
        await Promise.all([server.close(), client.close()]);
      });

    test('ten thousand packets in one turn: what the kernel keeps comes in order, as it was sent', async () => {
      const received: number[] = [];
      const server = await open((bytes) => {
        const number = bytes.readUInt32LE(0);
        assert.deepEqual(bytes.subarray(4), Buffer.alloc(number % 900, number));
        received.push(number);
      });
      const client = await open(() => undefined);
      for (let number = 0; number < 10_000; number++) {
        const bytes = Buffer.alloc(4 + (number % 900), number);
        bytes.writeUInt32LE(number, 0);
        client.send(to(ipv4, server.port), bytes, 'token');
      }
      assert.equal(client.stats.sent, 10_000);
      await client.close();
      await until(() => received.length > 50);
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.deepEqual(
        received,
        received.toSorted((a, b) => a - b),
      );
      assert.equal(new Set(received).size, received.length);
      assert.equal(client.stats.failed, 0);
      await server.close();
    });

    test('ten thousand packets, a hundred on their way at any time: all come back, in order, and can be kept', async () => {
      const kept: Buffer[] = [];
      const server = await open((bytes, flow) => server.send(flow, bytes, 'token'));
      const client = await open((bytes) => {
        kept.push(bytes);
        if (number < 10_000) next();
      });
      let number = 0;
      const next = (): void => {
        const bytes = Buffer.alloc(4 + (number % 700), number);
        bytes.writeUInt32LE(number++, 0);
        client.send(to(ipv4, server.port), bytes);
      };
      for (let i = 0; i < 100; i++) next();
      await until(() => kept.length === 10_000, 20_000);
      for (const [expected, bytes] of kept.entries()) {
        assert.equal(bytes.readUInt32LE(0), expected);
        assert.deepEqual(bytes.subarray(4), Buffer.alloc(expected % 700, expected));
      }
      await Promise.all([server.close(), client.close()]);
    });

    test('what is queued when a socket is closed leaves; nothing is received after that', async () => {
      let received = 0;
      const server = await open(() => received++);
      const client = await open(() => undefined);
      for (let i = 0; i < 50; i++) client.send(to(ipv4, server.port), Buffer.from('x'), 'token');
      await Promise.all([client.close(), client.close()]);
      await until(() => received === 50);
      const last = await open(() => {
        assert.equal(last.stats.received, 1);
        void last.close();
      });
      for (let i = 0; i < 10; i++) server.send(to(ipv4, last.port), Buffer.from('x'));
      await until(() => last.stats.received === 1);
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(last.stats.received, 1);
      // The port is free again.
      const again = await openUdp({
        address: ipv4,
        port: last.port,
        listener: 0,
        reusePort: false,
        onMessage() {},
        onError() {},
      });
      await Promise.all([again.close(), server.close()]);
    });

    test('all addresses at once: IPv4 is IPv6 then, and answers leave from the address that was asked', async () => {
      const received: string[] = [];
      const server = await open((bytes, flow) => {
        received.push(flow.address);
        server.send(flow, bytes);
      }, '::');
      for (const address of [ipv4, '::1']) {
        let answered = '';
        const client = await open((_bytes, flow) => (answered = flow.address), address);
        client.send(to(address, server.port), Buffer.from('x'));
        await until(() => answered !== '');
        assert.equal(answered, address);
        await client.close();
      }
      assert.deepEqual(received, ['::ffff:127.0.0.1', '::1']);
      await server.close();
    });
  });
}

test('the way is chosen by configuration and by what is there', () => {
  assert.deepEqual(
    [chooseUdp('node').path, chooseUdp('auto', () => 'not built').path, chooseUdp('auto', () => 'not built').reason],
    ['node', 'node', 'not built'],
  );
  assert.throws(() => chooseUdp('native', () => 'it was not built'), /"native", but it was not built/);
  if (typeof addon === 'string') return;
  assert.deepEqual([chooseUdp('auto', () => addon).path, chooseUdp('native', () => addon).reason], ['native', '']);
});

test('a system that cannot share ports says so', () => {
  assert(listenError({ code: 'ENOTSUP' }, 'udp:127.0.0.1:5060', true) instanceof ReusePortUnsupported);
  assert(!(listenError({ code: 'ENOTSUP' }, 'udp:127.0.0.1:5060', false) instanceof ReusePortUnsupported));
});
