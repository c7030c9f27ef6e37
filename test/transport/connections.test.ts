/**
 * How connections are named and found again, without sockets. Seen failing with: threads of one process that number from the
 * same place; a connection that is ending taken for the way to its peer.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Flow } from '../../src/outside.ts';
import { firstConnection, StreamConnections } from '../../src/transport/connections.ts';
import type { StreamSocket } from '../../src/transport/socket.ts';

/** A socket to which nothing happens. */
class StillSocket implements StreamSocket {
  readonly connecting = false;
  destroyed = false;
  readonly writableLength = 0;
  readonly bytesWritten = 0;
  readonly remoteAddress = '192.0.2.1';
  readonly remotePort: number;
  readonly written: string[] = [];

  constructor(remotePort: number) {
    this.remotePort = remotePort;
  }

  on(): void {}
  once(): void {}
  cork(): void {}
  uncork(): void {}

  write(bytes: Uint8Array): void {
    this.written.push(Buffer.from(bytes).toString());
  }

  end(): void {
    this.destroyed = true;
  }

  destroy(): void {
    this.destroyed = true;
  }
}

test('no two threads that had the same place use a name twice', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ aliveMs: fc.integer({ min: 20, max: 100_000 }), dials: fc.nat(2_000) }), { minLength: 2 }),
      (lives) => {
        let ageMs = 0;
        let last = 0;
        for (const { aliveMs, dials } of lives) {
          const first = firstConnection(1_700_000_000_000, ageMs);
          assert.ok(first >= last);
          last = first + Math.min(dials, aliveMs * 1_000);
          ageMs += aliveMs;
        }
      },
    ),
  );
  assert.ok(firstConnection(1_700_000_000_000, 5_000) < firstConnection(1_700_000_005_001, 0));
  assert.ok(Number.isSafeInteger(firstConnection(4_000_000_000_000, 1e12)));
});

test('a flow without a name finds the connection of its peer, unless that is ending', () => {
  const dialled: StillSocket[] = [];
  const undelivered: string[] = [];
  const connections = new StreamConnections(
    {
      node: 'a',
      worker: 1,
      firstNumber: 70,
      clock: { monotonicMs: () => 0, clusterMs: () => 0 },
      log: { write: () => {} },
      onMessage: () => {},
      onUndelivered: (token) => undelivered.push(token),
      onClosed: () => {},
    },
    {
      dial: ({ port }) => {
        if (port === 0) return undefined;
        const socket = new StillSocket(port);
        dialled.push(socket);
        return socket;
      },
      soon: (run) => run(),
    },
  );
  const accepted = new StillSocket(5);
  connections.accept(accepted, 0);
  const to = (port: number, connection = ''): Flow => ({
    protocol: 'tcp',
    listener: 0,
    address: '192.0.2.1',
    port,
    connection,
  });
  connections.send(to(5), Buffer.from('one'));
  connections.send(to(9, 'a/1/71'), Buffer.from('two'));
  assert.deepEqual(accepted.written, ['one', 'two']);
  connections.end(to(5, 'a/1/71'), 'over');
  connections.send(to(5), Buffer.from('three'));
  assert.deepEqual(accepted.written, ['one', 'two']);
  assert.deepEqual(dialled[0]?.written, ['three']);
  connections.send(to(5, 'a/1/70'), Buffer.from('four'), 'lost');
  connections.send(to(0), Buffer.from('five'), 'nowhere');
  assert.deepEqual(undelivered, ['lost', 'nowhere']);
});
