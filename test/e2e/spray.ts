/**
 * A UDP relay between clients and the server, run as a process. With `--ports N` each single datagram leaves from one of N
 * source ports drawn at random: SO_REUSEPORT chooses a socket by the addresses of a packet, so requests and
 * retransmissions of one call reach all workers of all nodes in no order. With `--ports 0` each client has one source
 * port of its own, as if it talked to the server itself. What comes back goes to the client by its Via (responses) or to
 * `--callee` (requests), so users behind the relay register `--listen` as their contact.
 * `--md5-only` takes challenges with SHA-256 out, for old clients that give up at their sight (RFC 8760 2.4 would have
 * them pick what they know).
 *
 *   node test/e2e/spray.ts --listen 23000 --server 22000 [--ports 64] [--callee 22960] [--md5-only]
 */
import { createSocket, type Socket } from 'node:dgram';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    'listen': { type: 'string' },
    'server': { type: 'string' },
    'ports': { type: 'string', default: '64' },
    'callee': { type: 'string', default: '0' },
    'md5-only': { type: 'boolean', default: false },
  },
});
const [server, callee, ports] = [Number(values.server), Number(values.callee), Number(values.ports)];
const host = '127.0.0.1';
/** Source ports: N of them, or one for each client by its port. */
const upstreams: Socket[] = [];
const ownUpstream = new Map<number, Socket>();
const clientsMax = 4_096;
const responseStart = Buffer.from('SIP/2.0 ');
const sha256Challenge = /^(?:WWW|Proxy)-Authenticate:[^\r]*algorithm=SHA-256[^\r]*\r\n/gim;
const ownRoute = new RegExp(`\\r\\nRoute: <sip:${host.replaceAll('.', '\\.')}:${values.listen}[^>]*>\\r\\n`);
const counts = { toServer: 0, toClients: 0, toCallee: 0, dropped: 0 };

const front = await open(Number(values.listen));
front.on('message', (bytes, from) => {
  if (from.port === server) return fromServer(bytes);
  counts.toServer += 1;
  upstreamOf(from.port)?.send(withoutOwnRoute(bytes), server, host, () => {});
});
for (let i = 0; i < ports; i += 1) {
  const socket = await open(0);
  socket.on('message', fromServer);
  upstreams.push(socket);
}
console.log('relay ready');
for (const name of ['SIGTERM', 'SIGINT'] as const) {
  process.on(name, () => {
    console.log(JSON.stringify(counts));
    process.exit(0);
  });
}

function upstreamOf(clientPort: number): Socket | undefined {
  if (ports > 0) return upstreams[Math.floor(Math.random() * upstreams.length)];
  const known = ownUpstream.get(clientPort);
  if (known !== undefined || ownUpstream.size >= clientsMax) return known;
  const socket = createSocket('udp4');
  socket.on('message', fromServer);
  socket.on('error', () => {});
  socket.bind(0, host);
  ownUpstream.set(clientPort, socket);
  return socket;
}

/** A phone that has the relay as its outbound proxy names it in a Route, and it is for us to take that out (RFC 3261 16.4). */
function withoutOwnRoute(bytes: Buffer): Buffer {
  if (!bytes.includes(`\r\nRoute: <sip:${host}:${values.listen}`)) return bytes;
  return Buffer.from(bytes.toString('latin1').replace(ownRoute, '\r\n'), 'latin1');
}

function fromServer(bytes: Buffer): void {
  if (!bytes.subarray(0, 8).equals(responseStart)) {
    if (callee === 0) return void (counts.dropped += 1);
    counts.toCallee += 1;
    return front.send(bytes, callee, host, () => {});
  }
  const text = bytes.toString('latin1');
  const port = Number(/^Via: SIP\/2\.0\/UDP 127\.0\.0\.1:(\d+)/im.exec(text)?.[1] ?? 0);
  if (port === 0) return void (counts.dropped += 1);
  counts.toClients += 1;
  front.send(
    values['md5-only'] ? Buffer.from(text.replace(sha256Challenge, ''), 'latin1') : bytes,
    port,
    host,
    () => {},
  );
}

async function open(port: number): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1_024 * 1_024 });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, host, resolve);
  });
  // ECONNREFUSED of one peer must not end the relay for all.
  socket.on('error', () => {});
  return socket;
}
