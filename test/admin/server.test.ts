// The HTTP API with a port behind it that keeps everything in memory, and hostile clients in front.
// Seen failing with: the error handler answering error.message; the body read before the token is checked.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { buildAdmin, openAdmin } from '../../src/admin/server.ts';
import { FakePort } from './fake-port.ts';

const port = new FakePort();
const notes: string[] = [];
const log = {
  write: (_level: string, event: string, fields?: object) => void notes.push(`${event} ${JSON.stringify(fields)}`),
};
const listen = { host: '127.0.0.1', port: 0 };
const app = buildAdmin(port, { listen, token: undefined, log });
const locked = await openAdmin(port, { listen, token: 'the-token', log });
after(async () => {
  await app.close();
  await locked.close();
});

async function ask(method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object) {
  return app.inject({ method, url, headers: { host: 'localhost' }, ...(payload === undefined ? {} : { payload }) });
}

/** Send octets to the locked server and collect the answer until it closes or is silent. */
async function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(locked.address.port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    // Long until the first octet comes (the machine may be busy), short until nothing follows.
    socket.setTimeout(10_000, () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1');
      socket.setTimeout(400);
    });
    socket.on('error', (error: Error & { code?: string }) =>
      error.code === 'ECONNRESET' || error.code === 'EPIPE' ? resolve(answer) : reject(error),
    );
    socket.on('close', () => resolve(answer));
  });
}

test('health is always 200, readiness follows the node', async () => {
  assert.equal((await ask('GET', '/healthz')).statusCode, 200);
  assert.equal((await ask('GET', '/readyz')).statusCode, 200);
  port.isReady = false;
  const notReady = await ask('GET', '/readyz');
  port.isReady = true;
  assert.equal(notReady.statusCode, 503);
  assert.deepEqual(notReady.json(), { ready: false, reason: 'joining' });
});

test('users are added, listed page by page and removed', async () => {
  for (const name of ['c', 'a', 'b']) {
    const added = await ask('POST', '/v1/users', { aor: `sip:${name}@example.test`, password: 'x' });
    assert.equal(added.statusCode, 201, added.body);
  }
  const first = (await ask('GET', '/v1/users?limit=2')).json();
  assert.deepEqual(
    first.entries.map((user: { aor: string }) => user.aor),
    ['sip:a@example.test', 'sip:b@example.test'],
  );
  const second = (await ask('GET', `/v1/users?limit=2&after=${encodeURIComponent(first.next)}`)).json();
  assert.equal(second.entries.length, 1);
  assert.equal(second.next, null);
  assert.equal((await ask('DELETE', `/v1/users/${encodeURIComponent('sip:a@example.test')}`)).statusCode, 204);
  assert.equal((await ask('DELETE', `/v1/users/${encodeURIComponent('sip:a@example.test')}`)).statusCode, 404);
  assert.ok(!port.people.has('sip:a@example.test'));
});

test('refusals are one sentence of JSON', async () => {
  const bad = await ask('POST', '/v1/users', { aor: 'sip:a@foreign.test', password: 'x' });
  assert.equal(bad.statusCode, 400);
  assert.deepEqual(bad.json(), { error: { code: 'refused', message: 'the domain is not one of ours' } });
  assert.equal((await ask('POST', '/v1/users', { aor: 'nobody' })).statusCode, 400);
  assert.equal((await ask('GET', '/v1/registrations?aor=x')).statusCode, 400);
  assert.equal((await ask('GET', '/v2/nothing')).statusCode, 404);
  assert.equal((await ask('POST', '/v1/nodes/z/drain')).statusCode, 404);
});

test('cluster, registrations, calls, limits and drain pass through', async () => {
  assert.equal((await ask('GET', '/v1/cluster')).json().owners.length, 4_096);
  assert.equal((await ask('GET', '/v1/registrations?aor=sip:1001@example.test')).json().entries.length, 1);
  assert.equal((await ask('GET', '/v1/calls')).json().entries[0].state, 'ringing');
  assert.deepEqual(
    (await ask('GET', '/v1/limits')).json().entries.map((each: { name: string }) => each.name),
    ['ip:192.0.2.1', 'trunk:acme'],
  );
  assert.equal((await ask('GET', '/v1/limits?name=trunk:acme')).json().entries[0].holders[0].callId, 'x@y');
  assert.equal((await ask('GET', '/v1/limits?name=')).statusCode, 400);
  assert.equal((await ask('POST', '/v1/nodes/b/drain')).statusCode, 202);
  assert.deepEqual(port.drained, ['b']);
});

test('bodies: only JSON, not over 64 KiB, not deep, no prototype', async () => {
  const headers = { 'host': 'localhost', 'content-type': 'application/json' };
  const post = async (payload: string, type = 'application/json') =>
    app.inject({ method: 'POST', url: '/v1/users', headers: { ...headers, 'content-type': type }, payload });
  assert.equal((await post('{')).statusCode, 400);
  assert.equal((await post('')).statusCode, 400);
  assert.equal((await post(`{"a":${'['.repeat(40)}${']'.repeat(40)}}`)).statusCode, 400);
  assert.equal((await post('{"__proto__":{"x":1},"aor":"sip:a@example.test","password":"x"}')).statusCode, 400);
  assert.equal(
    (await post(JSON.stringify({ aor: 'sip:a@example.test', password: 'x'.repeat(70_000) }))).statusCode,
    413,
  );
  assert.equal((await post('aor=x', 'application/x-www-form-urlencoded')).statusCode, 415);
  assert.equal(Reflect.get({}, 'x'), undefined);
});

test('an unexpected failure shows nothing of itself, but the log has it', async () => {
  port.failure = new Error('secret detail in /etc/x');
  const answers = [await ask('GET', '/v1/cluster'), await ask('GET', '/readyz'), await ask('GET', '/metrics')];
  port.failure = undefined;
  for (const answer of answers) {
    assert.equal(answer.statusCode, 500);
    assert.doesNotMatch(answer.body, /secret|at |\.ts/);
  }
  assert.ok(notes.some((note) => note.startsWith('admin-failed') && note.includes('secret detail')));
});

test('the console is three files that come without a token and forbid foreign scripts', async () => {
  for (const [path, type] of [
    ['/', 'text/html'],
    ['/console.js', 'text/javascript'],
    ['/console.css', 'text/css'],
  ] as const) {
    const answer = await ask('GET', path);
    assert.equal(answer.statusCode, 200);
    assert.match(String(answer.headers['content-type']), new RegExp(type));
    assert.match(String(answer.headers['content-security-policy']), /default-src 'self'/);
    assert.doesNotMatch(answer.body, /https?:\/\//);
  }
});

test('metrics come as text', async () => {
  port.counterList = [{ name: 'carillon_calls', help: 'Calls.', type: 'gauge', labels: {}, value: 2 }];
  const answer = await ask('GET', '/metrics');
  assert.match(String(answer.headers['content-type']), /^text\/plain; version=0\.0\.4/);
  assert.match(answer.body, /^carillon_calls 2$/m);
});

const hostile: readonly (readonly [name: string, request: string, status: RegExp])[] = [
  ['no token', 'GET /v1/users HTTP/1.1\r\nHost: localhost\r\n\r\n', /^HTTP\/1\.1 401 /],
  ['traversal', 'GET /static/..%2f..%2f..%2fetc%2fpasswd HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1\.1 40[04] /],
  [
    'a deep body before the token was checked',
    `POST /api/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer bad\r\nContent-Type: application/json\r\nContent-Length: 200000\r\n\r\n${'['.repeat(100_000)}`,
    /^HTTP\/1\.1 401 /,
  ],
  [
    'CRLF in the query',
    'GET /api/registrations?aor=%0d%0aSet-Cookie:%20a=b HTTP/1.1\r\nHost: x\r\n\r\n',
    /^HTTP\/1\.1 40[01] /,
  ],
  ['negative length', 'POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n', /^HTTP\/1\.1 400 /],
  [
    'two lengths',
    'POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
    /^HTTP\/1\.1 400 /,
  ],
  [
    'length and chunks',
    'POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    /^HTTP\/1\.1 400 /,
  ],
  ['SIP', 'OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP x\r\n\r\n', /^HTTP\/1\.1 400 /],
  ['a head of 20 KiB', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
  [
    'a header named as an object member',
    'GET / HTTP/1.1\r\nHost: localhost\r\n__proto__: x\r\nconstructor: y\r\n\r\n',
    /^HTTP\/1\.1 200 /,
  ],
];

for (const [name, request, status] of hostile) {
  test(`hostile client: ${name}`, async () => {
    const answer = await raw(request);
    assert.match(answer, status);
    assert.doesNotMatch(answer, /set-cookie|node:internal|\.ts:\d/i);
    assert.match(
      await raw('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'),
      /^HTTP\/1\.1 200 /,
    );
  });
}

test('a refused request ends its connection before the body is read', async () => {
  const answer = await raw('POST /v1/users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n');
  assert.match(answer, /^HTTP\/1\.1 401 [\s\S]*connection: close/i);
});

test('an address in use is told by the code of the system', async () => {
  const again = openAdmin(port, { listen: locked.address, token: undefined, log });
  await assert.rejects(again, { code: 'EADDRINUSE' });
});
