/**
 * What a stranger learns: nothing. A wrong password, a user that does not exist and no credentials at all get answers that
 * differ in nothing but what changes by itself; and nothing is sent on to where we are not responsible.
 */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freeBase, startCluster, type Cluster } from './support/cluster.ts';
import { testFolder } from './support/report.ts';
import { credentials, newBranch, newIds, nonceOf, SipClient, type Received } from './support/sip-client.ts';
import { makeUsers, type TestUser } from './support/users.ts';

const base = await freeBase(25_000);
const [caller, callee] = makeUsers(2);
assert.ok(caller !== undefined && callee !== undefined);
/** As long as the real ones, so that answers can be compared by their length. */
const nobody: TestUser = { name: 'x0009', aor: 'sip:x0009@example.test', password: 'secret-x0009' };
const wrong: TestUser = { ...caller, password: 'secret-wrong' };
const foreigner: TestUser = { name: 'f0009', aor: 'sip:f0009@elsewhe.test', password: 'secret-f0009' };
/** No domain of ours. */
const elsewhere = { address: '127.0.0.9', port: base + 45 };
const elsewhereUri = `sip:someone@${elsewhere.address}:${elsewhere.port}`;
let cluster: Cluster;
let client: SipClient;

before(async () => {
  cluster = await startCluster({ nodes: 2, base, folder: testFolder('strangers'), users: [caller, callee] });
  client = await new SipClient(base).open();
});
after(async () => {
  client.close();
  await cluster.stop();
});

const header = { REGISTER: 'Authorization', INVITE: 'Proxy-Authorization', MESSAGE: 'Proxy-Authorization' } as const;
type Method = keyof typeof header;

async function ask(method: Method, from: TestUser, uri: string, lines: readonly string[]): Promise<Received> {
  const ids = newIds(from.aor, method === 'REGISTER' ? from.aor : uri);
  const answer = await client.ask(client.request(method, uri, ids, lines), ids.branch, 5_000);
  if (method === 'INVITE' && answer !== undefined) acknowledge(uri, ids, answer);
  assert.ok(answer !== undefined, `${method} from ${from.aor} to ${uri}: no answer`);
  return answer;
}

function acknowledge(uri: string, ids: ReturnType<typeof newIds>, answer: Received): void {
  const to = /^To: ?(.*)$/im.exec(answer.text)?.[1] ?? '';
  const ack = client.request('ACK', uri, ids).replace(/^To: .*$/m, `To: ${to}`);
  client.send(ack, newBranch(), () => {});
}

/** The answer to the first request, and the one to a second with credentials. */
async function askTwice(method: Method, from: TestUser, uri: string): Promise<[Received, Received]> {
  const contact = method === 'MESSAGE' ? [] : [`Contact: <sip:${from.name}@127.0.0.1:${client.port}>`];
  const first = await ask(method, from, uri, contact);
  const answer = credentials(from, method, uri, nonceOf(first.text));
  return [first, await ask(method, from, uri, [...contact, `${header[method]}: ${answer}`])];
}

/** Without what differs in any two answers; every such value leaves its length. */
function shapeOf({ text }: Received): string {
  return text
    .replace(
      /(branch=|tag=|nonce="|opaque=")([^;"\r]*)/g,
      (_, name: string, value: string) => name + '#'.repeat(value.length),
    )
    .replace(/^(Call-ID: ?)(.*)$/gim, (_, name: string, value: string) => name + '#'.repeat(value.length))
    .replace(/\b[uxf]000\d\b/g, 'user')
    .replace(/elsewhe\.test/g, 'example.test');
}

test('REGISTER: a wrong password, no such user and no credentials get the same answer', async () => {
  const answers = (
    await Promise.all([wrong, nobody, caller].map(async (user) => askTwice('REGISTER', user, 'sip:example.test')))
  ).flat();
  const good = answers.pop();
  assert.equal(good?.status, 200, 'the right password is accepted');
  for (const answer of answers) {
    assert.equal(answer.status, 401, answer.text);
    assert.equal(shapeOf(answer), shapeOf(answers[0]!));
    assert.equal(answer.text.length, answers[0]!.text.length);
  }
  assert.match(answers[0]!.text, /^WWW-Authenticate: Digest realm="example\.test"/m);
});

test('INVITE: whoever calls and whom, without the right password all get the same answer', async () => {
  const answers: Received[] = [];
  for (const to of [callee, nobody])
    for (const from of [wrong, nobody, foreigner]) answers.push(...(await askTwice('INVITE', from, to.aor)));
  for (const answer of answers) {
    assert.equal(answer.status, 407, answer.text);
    assert.equal(shapeOf(answer), shapeOf(answers[0]!));
    assert.equal(answer.text.length, answers[0]!.text.length);
  }
  assert.match(answers[0]!.text, /^Proxy-Authenticate: Digest realm="example\.test"/m);
  const [, unknown] = await askTwice('INVITE', caller, nobody.aor);
  assert.equal(unknown.status, 404, 'only who proved himself learns who exists');
  const [, offline] = await askTwice('INVITE', caller, callee.aor);
  assert.equal(offline.status, 480);
});

test('a domain that is not ours: a clear answer, and nothing is sent there', async (t) => {
  const received: string[] = [];
  const socket = createSocket('udp4', (bytes) => received.push(bytes.toString('latin1')));
  t.after(() => socket.close());
  await new Promise<void>((resolve) => socket.bind(elsewhere.port, elsewhere.address, resolve));
  const [stranger, judged] = await askTwice('INVITE', foreigner, elsewhereUri);
  assert.equal(stranger.status, 407);
  assert.equal(judged.status, 407);
  assert.equal((await askTwice('INVITE', caller, elsewhereUri))[1].status, 403, 'no open relay, for our users neither');
  assert.equal((await askTwice('MESSAGE', caller, elsewhereUri))[1].status, 403);
  const registrar = `sip:${elsewhere.address}:${elsewhere.port}`;
  const [first, second] = await askTwice('REGISTER', foreigner, registrar);
  assert.equal(first.status, 401);
  assert.equal(second.status, 401);
  assert.equal((await askTwice('REGISTER', caller, registrar))[1].status, 403);
  await sleep(700);
  assert.deepEqual(received, []);
});
