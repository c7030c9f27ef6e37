/**
 * Connections that a balancer announces, without sockets. Seen failing with: the octets behind the header dropped; the
 * deadline counted from the last octet; announced sockets not counted as connections.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../../src/limits.ts';
import type { Flow } from '../../src/outside.ts';
import { StreamConnections } from '../../src/transport/connections.ts';
import type { StreamSocket } from '../../src/transport/socket.ts';

const message =
  'OPTIONS sip:a@example.test SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9:5060;branch=z9hG4bK1\r\nFrom: <sip:b@example.test>;tag=1\r\n' +
  'To: <sip:a@example.test>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n';
const line = 'PROXY TCP4 203.0.113.9 10.0.0.1 41000 5060\r\n';

/** A socket that says what the test says. As node:net does it, who listens during an event hears the next one. */
class SaidSocket implements StreamSocket {
  readonly connecting = false;
  destroyed = false;
  readonly writableLength = 0;
  readonly bytesWritten = 0;
  readonly remoteAddress: string;
  readonly remotePort = 999;
  readonly #onData: ((chunk: Buffer) => void)[] = [];
  readonly #onClose: (() => void)[] = [];

  constructor(remoteAddress: string) {
    this.remoteAddress = remoteAddress;
  }

  on(event: string, listener: (chunk: never) => void): void {
    if (event === 'data') this.#onData.push(listener as (chunk: Buffer) => void);
    if (event === 'close') this.#onClose.push(listener as () => void);
  }

  once(): void {}
  cork(): void {}
  uncork(): void {}
  write(): void {}
  end(): void {}

  destroy(): void {
    this.destroyed = true;
  }

  say(octets: string): void {
    if (this.destroyed) return;
    for (const listener of [...this.#onData]) listener(Buffer.from(octets, 'latin1'));
  }

  close(): void {
    for (const listener of [...this.#onClose]) listener();
  }
}

class Place {
  readonly heard: Flow[] = [];
  nowMs = 0;
  refused = 0;
  readonly connections: StreamConnections;

  constructor(connectionsMax = 10) {
    this.connections = new StreamConnections(
      {
        node: 'a',
        worker: 0,
        connectionsMax,
        clock: { monotonicMs: () => this.nowMs, clusterMs: () => this.nowMs },
        log: { write: () => {} },
        isBalancer: (listener, address) => listener === 1 && address === '10.0.0.2',
        onMessage: (_bytes, flow) => this.heard.push(flow),
        onUndelivered: () => {},
        onUnannounced: () => (this.refused += 1),
        onClosed: () => {},
      },
      { dial: () => undefined, soon: (run) => run() },
    );
  }

  connect(address: string, listener: number): SaidSocket {
    const socket = new SaidSocket(address);
    this.connections.accept(socket, listener);
    return socket;
  }
}

test('the client of a balancer is the peer of its connection, however its octets are cut', () => {
  const sent = line + message + message;
  fc.assert(
    fc.property(fc.array(fc.nat(sent.length), { maxLength: 12 }), (cuts) => {
      const place = new Place();
      const socket = place.connect('::ffff:10.0.0.2', 1);
      const marks = [0, ...cuts.toSorted((a, b) => a - b), sent.length];
      for (let at = 1; at < marks.length; at += 1) socket.say(sent.slice(marks[at - 1], marks[at]));
      assert.deepEqual(
        place.heard.map(({ address, port }) => `${address}:${port}`),
        ['203.0.113.9:41000', '203.0.113.9:41000'],
      );
      assert.deepEqual([place.refused, place.connections.count, socket.destroyed], [0, 1, false]);
    }),
  );
});

test('who is no balancer is not believed, and needs no header', () => {
  const place = new Place();
  place.connect('10.0.0.3', 1).say(message);
  place.connect('10.0.0.2', 0).say(message);
  assert.deepEqual(
    place.heard.map(({ address, port }) => `${address}:${port}`),
    ['10.0.0.3:999', '10.0.0.2:999'],
  );
  place.connect('10.0.0.3', 1).say(line + message);
  assert.equal(place.heard.length, 2);
  assert.deepEqual([place.refused, place.connections.stats.framingFailures], [0, 1]);
});

test('a balancer that says nothing of its client is refused and counted', () => {
  const place = new Place();
  const socket = place.connect('10.0.0.2', 1);
  socket.say(message);
  assert.deepEqual([place.refused, socket.destroyed, place.heard.length], [1, true, 0]);
  assert.equal(place.connections.stats.unannounced, 1);
});

test('a health check of the balancer keeps its own address, or just closes', () => {
  const place = new Place();
  place.connect('10.0.0.2', 1).say(`PROXY UNKNOWN\r\n${message}`);
  assert.equal(place.heard[0]?.address, '10.0.0.2');
  const silent = place.connect('10.0.0.2', 1);
  silent.close();
  place.nowMs += limits.proxyHeaderDeadlineMs;
  place.connections.sweep();
  assert.equal(place.refused, 0);
});

test('a header has a deadline, counted from the beginning', () => {
  const place = new Place();
  const socket = place.connect('10.0.0.2', 1);
  for (const octet of line.slice(0, 10)) {
    socket.say(octet);
    place.nowMs += limits.proxyHeaderDeadlineMs / 10;
    if (!socket.destroyed) place.connections.sweep();
  }
  assert.deepEqual([socket.destroyed, place.refused], [true, 1]);
});

test('silent sockets of a balancer give way to newer ones, and end with the rest', () => {
  const place = new Place(2);
  const sockets = [1, 2, 3].map(() => place.connect('10.0.0.2', 1));
  assert.deepEqual(
    sockets.map(({ destroyed }) => destroyed),
    [true, false, false],
  );
  place.connections.endAll();
  assert.deepEqual(
    sockets.map(({ destroyed }) => destroyed),
    [true, true, true],
  );
});
