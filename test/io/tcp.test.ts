/**
 * SIP over real TCP on the loopback: framing, names and reuse of connections, and peers that are slow, silent, many or
 * wrong. Seen failing with: the deadline of a message not looked at, the write buffer not bounded, pongs not limited.
 */
import { fileURLToPath } from 'node:url';
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { TcpTransport } from '../../src/io/tcp.ts';
import type { Flow } from '../../src/outside.ts';
import { limits } from '../../src/limits.ts';
import { until } from './until.ts';

const port = 21_100;
let nextPort = port;
const quiet = { write() {} };

interface Served {
  readonly tcp: TcpTransport;
  readonly port: number;
  readonly messages: { text: string; flow: Flow }[];
  readonly undelivered: string[];
  readonly closed: [string, string][];
}

const open: TcpTransport[] = [];
after(async () => {
  await Promise.all(open.map((tcp) => tcp.close()));
});

/** A transport with one listener. Its clock runs `speed` times as fast as ours. */
async function serve(
  over: {
    speed?: number;
    connectionsMax?: number;
    onMessage?: (served: Served, bytes: Buffer, flow: Flow) => void;
    port?: number;
  } = {},
): Promise<Served> {
  const messages: Served['messages'] = [];
  const undelivered: string[] = [];
  const closed: [string, string][] = [];
  const now = () => performance.now() * (over.speed ?? 1);
  const tcp = new TcpTransport({
    node: 'a',
    worker: 1,
    clock: { monotonicMs: now, clusterMs: now },
    log: quiet,
    ...(over.connectionsMax === undefined ? {} : { connectionsMax: over.connectionsMax }),
    onMessage(bytes, flow) {
      messages.push({ text: bytes.toString('latin1'), flow });
      over.onMessage?.(served, bytes, flow);
    },
    onUndelivered: (token) => undelivered.push(token),
    onClosed: (flow, reason) => closed.push([flow.connection, reason]),
  });
  open.push(tcp);
  const served: Served = {
    tcp,
    messages,
    undelivered,
    closed,
    port: await tcp.listen({ address: '127.0.0.1', port: over.port ?? ++nextPort, listener: 2, reusePort: true }),
  };
  return served;
}

interface Client {
  readonly socket: Socket;
  text: string;
  isClosed: boolean;
}

async function dial(toPort: number): Promise<Client> {
  const client: Client = { socket: connect(toPort, '127.0.0.1'), text: '', isClosed: false };
  client.socket.on('data', (chunk) => (client.text += chunk.toString('latin1')));
  client.socket.on('close', () => (client.isClosed = true));
  client.socket.on('error', () => {});
  await new Promise((resolve) => client.socket.once('connect', resolve));
  return client;
}

function options(n: number, body = ''): string {
  return (
    `OPTIONS sip:x@example.test SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:5070;branch=z9hG4bK${n}\r\nMax-Forwards: 70\r\nFrom: <sip:a@example.test>;tag=1\r\n` +
    `To: <sip:x@example.test>\r\nCall-ID: c${n}\r\nCSeq: ${n} OPTIONS\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  );
}

test('messages in pieces and in heaps come out whole, in order, with the flow of their connection', async () => {
  const served = await serve();
  const client = await dial(served.port);
  const texts = [1, 2, 3, 4, 5].map((n) => options(n, 'x'.repeat(n * 50)));
  const all = texts.join('');
  for (let at = 0; at < all.length; at += 333) {
    client.socket.write(all.slice(at, at + 333));
    await sleep(1);
  }
  await until(() => served.messages.length === 5);
  assert.deepEqual(
    served.messages.map((m) => m.text),
    texts,
  );
  const { flow } = served.messages[0]!;
  assert.deepEqual(flow, {
    protocol: 'tcp',
    listener: 2,
    address: '127.0.0.1',
    port: client.socket.localPort,
    connection: flow.connection,
  });
  assert.match(flow.connection, /^a\/1\/\d+$/);
  served.tcp.send(flow, Buffer.from('one '));
  served.tcp.send({ ...flow, connection: '' }, Buffer.from('two'));
  await until(() => client.text === 'one two');
  assert.equal(served.tcp.connections, 1);
  client.socket.end();
  await until(() => served.closed.length === 1);
  assert.deepEqual(served.closed, [[flow.connection, 'closed-by-peer']]);
  served.tcp.send(flow, Buffer.from('late'), 'token');
  assert.deepEqual(served.undelivered, ['token']);
});

test('two transports share one port', async () => {
  const first = await serve();
  const second = await serve({ port: first.port });
  for (let i = 0; i < 30; i++) (await dial(first.port)).socket.write(options(i));
  await until(() => first.messages.length + second.messages.length === 30);
  assert(first.messages.length > 0 && second.messages.length > 0);
});

test('a flow without a connection is dialled once, reused, and answered over; what cannot be dialled is undelivered', async () => {
  const far = await serve({ onMessage: (served, _bytes, flow) => served.tcp.send(flow, Buffer.from(options(99))) });
  const near = await serve();
  const flow: Flow = { protocol: 'tcp', listener: 2, address: '127.0.0.1', port: far.port, connection: '' };
  near.tcp.send(flow, Buffer.from(options(1)), 'first');
  near.tcp.send(flow, Buffer.from(options(2)), 'second');
  await until(() => far.messages.length === 2 && near.messages.length === 2);
  assert.deepEqual([near.tcp.stats.dialled, far.tcp.stats.accepted], [1, 1]);
  assert.equal(near.messages[0]!.flow.port, far.port);
  near.tcp.send({ ...flow, port: 21_999 }, Buffer.from('x'), 'refused');
  near.tcp.send({ ...flow, port: 21_999 }, Buffer.from('y'), 'refused too');
  near.tcp.send({ ...flow, port: 0 }, Buffer.from('x'), 'port 0');
  near.tcp.send({ ...flow, address: 'example.test' }, Buffer.from('x'), 'a name');
  near.tcp.send({ ...flow, connection: 'a/1/999' }, Buffer.from('x'), 'gone');
  await until(() => near.undelivered.length === 5);
  assert.deepEqual(new Set(near.undelivered), new Set(['refused', 'refused too', 'port 0', 'a name', 'gone']));
  assert.equal(near.closed.at(-1)![1], 'ECONNREFUSED');
});

test('a dial that nobody answers ends at its deadline', async () => {
  const near = await serve({ speed: 40 });
  // A listener whose queue is full and whose thread sleeps does not answer more connections.
  const stuck = new Worker(
    `require('node:net').createServer().listen({ port: 21199, host: '127.0.0.1', backlog: 1 }, () => {
       require('node:worker_threads').parentPort.postMessage('listening');
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20000);
     });`,
    { eval: true },
  );
  await new Promise((resolve) => stuck.once('message', resolve));
  const fillers = Array.from({ length: 6 }, () => connect(21_199, '127.0.0.1').on('error', () => {}));
  // As many as the queue holds; the others wait for room that does not come.
  await until(() => fillers.filter(({ connecting }) => !connecting).length === 2);
  near.tcp.send(
    { protocol: 'tcp', listener: 2, address: '127.0.0.1', port: 21_199, connection: '' },
    Buffer.from('x'),
    'unanswered',
  );
  await until(() => near.undelivered.length === 1);
  assert.deepEqual([near.undelivered, near.closed[0]![1]], [['unanswered'], 'connect-timeout']);
  for (const filler of fillers) filler.destroy();
  await stuck.terminate();
});

test('a hundred requests in one write are all answered', async () => {
  const served = await serve({ onMessage: (s, _bytes, flow) => s.tcp.send(flow, Buffer.from('answer\r\n')) });
  const client = await dial(served.port);
  client.socket.write(Array.from({ length: 100 }, (_, n) => options(n)).join(''));
  await until(() => client.text.length === 800);
  assert.equal(client.isClosed, false);
});

test('a peer that does not read is closed when its buffer is full, and others are served meanwhile', async () => {
  const served = await serve({
    onMessage: (s, bytes, flow) =>
      s.tcp.send(flow, bytes.includes('slow') ? Buffer.alloc(200_000) : Buffer.from('quick')),
  });
  const slow = await dial(served.port);
  slow.socket.pause();
  for (let i = 0; i < 100; i++) slow.socket.write(options(i, 'slow'));
  const quick = await dial(served.port);
  quick.socket.write(options(1));
  await until(() => quick.text === 'quick' && served.closed.length === 1);
  assert.equal(served.closed[0]![1], 'slow-reader');
  assert.equal(quick.isClosed, false);
});

test('the deadline of a message counts from its first octet, not from its last', async () => {
  const served = await serve({ speed: 20 }); // 10 s are 500 ms
  const client = await dial(served.port);
  const started = performance.now();
  client.socket.write(options(1)); // Whole messages do not start it.
  const drip = setInterval(() => client.socket.write('X: y\r\n'), 50);
  client.socket.write('OPTIONS sip:x@example.test SIP/2.0\r\n');
  await until(() => client.isClosed && served.closed.length === 1);
  clearInterval(drip);
  const took = performance.now() - started;
  assert(took > 400 && took < 1_500, `${took} ms`);
  assert.equal(served.closed[0]![1], 'message-timeout');
  assert.equal(served.messages.length, 1);
});

test('an idle connection and one that only pings stay open; pongs are limited', async () => {
  const served = await serve({ speed: 20 });
  const idle = await dial(served.port);
  const pinging = await dial(served.port);
  pinging.socket.write('\r\n\r\n');
  await until(() => pinging.text === '\r\n');
  await sleep(800);
  assert.deepEqual([idle.isClosed, pinging.isClosed], [false, false]);
  const flooded = await serve();
  const flooding = await dial(flooded.port);
  flooding.socket.write('\r\n'.repeat(32_768));
  await until(() => flooded.tcp.stats.pingsIgnored > 16_000);
  await sleep(50);
  assert(flooding.text.length <= 2 * 2 * limits.keepAlivesPerSecondMax, `${flooding.text.length} octets`);
  assert.equal(flooding.isClosed, false);
});

test('when there are too many connections, the oldest that never spoke makes room', async () => {
  const served = await serve({ connectionsMax: 3 });
  const speaking = await dial(served.port);
  speaking.socket.write(options(1));
  await until(() => served.messages.length === 1);
  const silent: Client[] = [];
  for (let i = 0; i < 4; i++) {
    silent.push(await dial(served.port));
    await until(() => served.tcp.stats.accepted === 2 + i);
  }
  await until(() => silent[0]!.isClosed && silent[1]!.isClosed);
  assert.deepEqual([speaking.isClosed, silent[2]!.isClosed, silent[3]!.isClosed], [false, false, false]);
  assert.equal(served.tcp.connections, 3);
});

test('what cannot be framed is answered 400 and the connection ended, so that the answer arrives', async () => {
  const served = await serve();
  const client = await dial(served.port);
  client.socket.write(`${options(1).replace('Content-Length: 0', 'Content-Length: -1')}${'x'.repeat(300_000)}`);
  await until(() => client.isClosed && served.closed.length === 1);
  assert.match(client.text, /^SIP\/2\.0 400 /);
  assert.deepEqual(served.messages, []);
  assert.equal(served.closed[0]![1], 'framing-failure');
});

test('a last message leaves before the connection ends', async () => {
  const served = await serve({
    onMessage: (s, _bytes, flow) => {
      s.tcp.send(flow, Buffer.from('first '));
      s.tcp.end(flow, 'parse-failure', Buffer.from('last'));
      s.tcp.send(flow, Buffer.from('never'), 'after the end');
    },
  });
  const client = await dial(served.port);
  client.socket.write(options(1));
  await until(() => client.isClosed && served.closed.length === 1);
  assert.equal(client.text, 'first last');
  assert.deepEqual([served.undelivered, served.closed[0]![1]], [['after the end'], 'parse-failure']);
});

interface Case {
  readonly file: string;
  readonly transport: string;
  readonly conn: string | null;
  readonly hold_s?: number;
}

/** Malformed inputs with an `index.json`. */
const corpus = fileURLToPath(new URL('../inputs', import.meta.url));
const cases = (JSON.parse(readFileSync(`${corpus}/index.json`, 'utf8')) as { inputs: Case[] }).inputs.filter(
  (c) => c.transport === 'tcp' && c.conn === 'close',
);

test('hostile streams of the corpus are closed by the stream layer where they break its framing', async () => {
  const served = await serve({ speed: 20 });
  const open: string[] = [];
  for (const { file } of cases) {
    const client = await dial(served.port);
    client.socket.write(readFileSync(`${corpus}/${file}`));
    await until(() => client.isClosed, 2_500).catch(() => open.push(file));
    client.socket.destroy();
  }
  assert.deepEqual(open, []);
});
