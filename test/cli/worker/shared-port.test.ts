/**
 * On a system that cannot share a port, one holds it and is named in what it receives, the others still can send.
 * Seen failing with: the holder not named; another error than EADDRINUSE taken for a holder.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { listenSharedTcp, openSharedUdp } from '../../../src/cli/worker/shared-port.ts';
import { ReusePortUnsupported } from '../../../src/io/reuse-port.ts';
import { openNodeUdp } from '../../../src/io/node-udp.ts';
import type { UdpOptions, UdpTransport } from '../../../src/io/udp.ts';
import type { Flow } from '../../../src/outside.ts';

const address = '127.0.0.1';
const ignore = (): void => undefined;

/** A system without SO_REUSEPORT. */
async function openUnshared(options: UdpOptions): Promise<UdpTransport> {
  if (options.reusePort) throw new ReusePortUnsupported('udp', undefined);
  return openNodeUdp(options);
}

describe('a UDP port that cannot be shared', () => {
  it('is held by the first, whose packets name it; the second sends from a port of its own', async () => {
    const lines: string[] = [];
    const log = { write: (_level: string, event: string) => void lines.push(event) };
    const probe = await openNodeUdp({
      address,
      port: 0,
      listener: 0,
      reusePort: false,
      onMessage: ignore,
      onError: ignore,
    });
    const { port } = probe;
    await probe.close();
    const received = Promise.withResolvers<Flow>();
    const options = { address, port, listener: 0, onError: ignore };
    const first = await openSharedUdp(
      openUnshared,
      { ...options, onMessage: (_bytes, flow) => received.resolve(flow) },
      'a/0/udp',
      log,
    );
    const second = await openSharedUdp(openUnshared, { ...options, onMessage: ignore }, 'a/1/udp', log);
    assert.deepEqual(lines, ['port-held', 'port-held-by-another']);
    assert.equal(first.port, port);
    assert.notEqual(second.port, port);
    second.send({ protocol: 'udp', listener: 0, address, port, connection: '' }, Buffer.from('x'));
    const flow = await received.promise;
    assert.deepEqual(flow, { protocol: 'udp', listener: 0, address, port: second.port, connection: 'a/0/udp' });
    await Promise.all([first.close(), second.close()]);
  });

  it('any other error is the caller’s', async () => {
    const refuse = (options: UdpOptions): Promise<UdpTransport> =>
      Promise.reject(
        options.reusePort
          ? new ReusePortUnsupported('udp', undefined)
          : Object.assign(new Error('no'), { code: 'EACCES' }),
      );
    const options = { address, port: 1, listener: 0, onMessage: ignore, onError: ignore };
    await assert.rejects(openSharedUdp(refuse, options, 'a/0/udp', { write: ignore }), { code: 'EACCES' });
  });
});

describe('a TCP port that cannot be shared', () => {
  it('is listened on by the first; the others only dial', async () => {
    const lines: string[] = [];
    const log = { write: (_level: string, event: string) => void lines.push(event) };
    let taken = false;
    const listen = async ({ reusePort }: { readonly reusePort: boolean }): Promise<number> => {
      if (reusePort) throw new ReusePortUnsupported('tcp', undefined);
      if (taken) throw Object.assign(new Error('taken'), { code: 'EADDRINUSE' });
      taken = true;
      return 1;
    };
    await listenSharedTcp(listen, { address, port: 1, listener: 0 }, log);
    await listenSharedTcp(listen, { address, port: 1, listener: 0 }, log);
    assert.deepEqual(lines, ['port-held', 'port-held-by-another']);
  });
});
