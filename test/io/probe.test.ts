/** An address that somebody else has is found out before anything is begun; one that our own share is not in the way. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { it } from 'node:test';
import { probe } from '../../src/io/probe.ts';
import { openNodeUdp } from '../../src/io/node-udp.ts';

const address = '127.0.0.1';
const ignore = (): void => undefined;

it('a UDP port of another program', async () => {
  const other = createSocket('udp4');
  await new Promise<void>((resolve) => other.bind(0, address, resolve));
  const { port } = other.address();
  await assert.rejects(probe([{ protocol: 'udp', address, port }]), { code: 'EADDRINUSE', address, port });
  await new Promise<void>((resolve) => other.close(() => resolve()));
  await probe([{ protocol: 'udp', address, port }]);
});

it('a TCP port of another program', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, address, resolve));
  const { port } = other.address() as AddressInfo;
  await assert.rejects(probe([{ protocol: 'tcp', address, port }]), { code: 'EADDRINUSE', address, port });
  await new Promise<void>((resolve) => other.close(() => resolve()));
  await probe([{ protocol: 'tcp', address, port }]);
});

it('a port that another node of ours shares', async () => {
  const ours = await openNodeUdp({
    address,
    port: 0,
    listener: 0,
    reusePort: true,
    onMessage: ignore,
    onError: ignore,
  });
  await probe([{ protocol: 'udp', address, port: ours.port }]);
  await ours.close();
});
