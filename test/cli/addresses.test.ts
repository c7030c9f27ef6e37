// Taken addresses are found before a node starts. Seen failing with: reusePort in the UDP check.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { checkAddresses } from '../../src/cli/addresses.ts';
import { isProblems, parseConfig, type Config } from '../../src/config/config.ts';

function config(listen: string[], link: number, admin: number): Config {
  const parsed = parseConfig({
    cluster: { secret: 'x' },
    domains: ['a.test'],
    listen,
    node: { link: `127.0.0.1:${link}` },
    admin: { listen: `127.0.0.1:${admin}` },
  });
  assert.ok(!isProblems(parsed), JSON.stringify(parsed));
  return parsed;
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('free addresses pass, and are free again after', async () => {
  const [sip, link, admin] = [await freePort(), await freePort(), await freePort()];
  const one = config([`udp:127.0.0.1:${sip}`, `tcp:127.0.0.1:${sip}`], link, admin);
  await checkAddresses([one]);
  await checkAddresses([one]);
});

test('a SIP port that another cluster shares among its nodes counts as taken', async () => {
  const socket = createSocket({ type: 'udp4', reusePort: true });
  await new Promise<void>((resolve) => socket.bind({ address: '127.0.0.1', port: 0 }, () => resolve()));
  const { port } = socket.address();
  const taken = checkAddresses([config([`udp:127.0.0.1:${port}`], await freePort(), await freePort())]);
  await assert.rejects(taken, { code: 'EADDRINUSE', address: '127.0.0.1', port });
  await new Promise<void>((resolve) => socket.close(() => resolve()));
});

test('taken link and admin ports are named', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo;
  const sip = [`udp:127.0.0.1:${await freePort()}`];
  await assert.rejects(checkAddresses([config(sip, port, await freePort())]), { code: 'EADDRINUSE', port });
  await assert.rejects(checkAddresses([config(sip, await freePort(), port)]), { code: 'EADDRINUSE', port });
  server.close();
});
