// The configuration contract: defaults, refusals with place and remedy, and rules between fields.
// Seen failing with: the check of admin.listen against the token dropped; users' domains not lower-cased.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forwardOf, isProblems, parseConfig, type Config } from '../../src/config/config.ts';
import { formatProblem } from '../../src/config/problems.ts';
import { unserved } from '../../src/config/unserved.ts';

const smallest = { cluster: { secret: 'not-very-secret' }, domains: ['example.test'] };

function accepted(raw: unknown): Config {
  const result = parseConfig(raw);
  assert.ok(!isProblems(result), JSON.stringify(result));
  return result;
}

function refused(raw: unknown): string[] {
  const result = parseConfig(raw);
  assert.ok(isProblems(result), 'accepted');
  return result.map((problem) => formatProblem('f.json', problem));
}

test('the smallest file is complete after the defaults, and safe', () => {
  const config = accepted(smallest);
  assert.equal(config.authenticate, true);
  assert.deepEqual(config.admin, { listen: { host: '127.0.0.1', port: 8080 } });
  assert.deepEqual(config.listen, [
    { protocol: 'udp', host: '127.0.0.1', port: 5060 },
    { protocol: 'tcp', host: '127.0.0.1', port: 5060 },
  ]);
  assert.deepEqual(config.registrar, { minExpires: 60, maxExpires: 7_200, maxContacts: 10 });
  assert.equal(config.calls.noAnswerSeconds, 120);
  assert.deepEqual(config.node, { id: 'a', workers: 1, link: { host: '127.0.0.1', port: 7000 }, datagrams: 'auto' });
});

test('packets go straight to their worker, unless links are encrypted or it is said otherwise', () => {
  const linkTls = { cert: 'c', key: 'k', ca: 'a' };
  assert.equal(forwardOf(accepted(smallest)), 'datagrams');
  assert.equal(forwardOf(accepted({ ...smallest, node: { linkTls } })), 'links');
  assert.equal(forwardOf(accepted({ ...smallest, cluster: { secret: 'x', forward: 'links' } })), 'links');
});

test('every field of the documented example is known', () => {
  const config = accepted({
    cluster: { name: 'demo', store: 'sqlite:./data/carillon.db', secret: 'x' },
    node: { id: 'a', workers: 2, link: '127.0.0.1:7000' },
    listen: [
      'udp:127.0.0.1:5060',
      'tcp:127.0.0.1:5060',
      'tls:127.0.0.1:5061',
      'ws:127.0.0.1:8088',
      'wss:127.0.0.1:8089',
    ],
    tls: { cert: 'cert.pem', key: 'key.pem' },
    advertise: 'sip.example.test',
    domains: ['Example.test'],
    authenticate: true,
    users: [{ aor: 'sip:1001@EXAMPLE.test', password: 'secret' }],
    registrar: { minExpires: 60, maxExpires: 7200, maxContacts: 10 },
    calls: { noAnswerSeconds: 120 },
    defence: { enabled: true, trusted: ['127.0.0.0/8'] },
    gateways: [],
    admin: { listen: '127.0.0.1:8080', token: 't' },
    routes: './routes.ts',
  });
  assert.deepEqual(config.domains, ['example.test']);
  assert.ok(unserved(config).every((note) => /listen\[[2-4]\]/.test(note.path)));
});

test('a configuration is frozen through and through and may be cloned to a thread', () => {
  const config = accepted(smallest);
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.listen[0]) && Object.isFrozen(config.registrar));
  assert.deepEqual(structuredClone(config), config);
});

test('unknown fields are refused with the nearest name', () => {
  assert.deepEqual(refused({ ...smallest, lisetn: [] }), [
    'f.json: lisetn: is not a known field; did you mean listen?',
  ]);
  assert.deepEqual(refused({ ...smallest, registrar: { maxContact: 1 } }), [
    'f.json: registrar.maxContact: is not a known field; did you mean maxContacts?',
  ]);
  assert.deepEqual(refused({ ...smallest, users: [{ aor: 'sip:1@example.test', password: 'x', passwort: 'x' }] }), [
    'f.json: users[0].passwort: is not a known field; did you mean password?',
  ]);
  assert.match(refused({ ...smallest, voicemail: 1 })[0] ?? '', /known are cluster, node, listen/);
});

test('member names of JavaScript objects are unknown fields like any other', () => {
  for (const name of ['__proto__', 'constructor', 'toString']) {
    const raw: unknown = JSON.parse(`{"${name}": {"x": 1}, "cluster": {"secret": "x"}, "domains": ["a.test"]}`);
    assert.match(refused(raw)[0] ?? '', new RegExp(`^f.json: ${name}: is not a known field`));
  }
  assert.equal(Reflect.get({}, 'x'), undefined);
});

const wrong: readonly (readonly [name: string, fields: object, sentence: RegExp])[] = [
  ['no domain', { domains: [] }, /domains: name at least one domain/],
  ['a domain that is none', { domains: ['a b'] }, /domains\[0\]: write a domain name/],
  ['no listener', { listen: [] }, /listen: name at least one address/],
  ['a listener by name', { listen: ['udp:localhost:5060'] }, /listen\[0\]: write PROTOCOL:ADDRESS:PORT/],
  ['a listener twice', { listen: ['udp:127.0.0.1:5060', 'udp:127.0.0.1:5060'] }, /listen\[1\]: repeats listen\[0\]/],
  ['tls without certificate', { listen: ['tls:127.0.0.1:5061'] }, /listen\[0\]: needs a certificate/],
  ['an empty secret', { cluster: { secret: '' } }, /cluster\.secret: must not be empty/],
  ['a store of no kind', { cluster: { secret: 'x', store: 'mysql://x' } }, /cluster\.store: write memory:/],
  [
    'a number as text',
    { registrar: { minExpires: '60' } },
    /registrar\.minExpires: must be a whole number, is a string/,
  ],
  ['a fraction', { node: { workers: 1.5 } }, /node\.workers: must be a whole number, is a fraction/],
  ['too many workers', { node: { workers: 65 } }, /node\.workers: must be at most 64/],
  ['limits that cross', { registrar: { minExpires: 600, maxExpires: 60 } }, /registrar\.minExpires: must not be over/],
  ['a user without domain', { users: [{ aor: 'sip:1001', password: 'x' }] }, /users\[0\]\.aor: write sip:USER@DOMAIN/],
  [
    'a user of another domain',
    { users: [{ aor: 'sip:1@b.test', password: 'x' }] },
    /users\[0\]\.aor: has the domain b\.test/,
  ],
  ['a user without password', { users: [{ aor: 'sip:1@example.test' }] }, /users\[0\]\.password: is missing/],
  [
    'all addresses',
    { listen: ['udp:0.0.0.0:5060'] },
    /listen\[0\]: udp:0\.0\.0\.0:5060 means all addresses.*advertise/,
  ],
  ['all addresses of IPv6', { listen: ['tcp:[0::]:5060'] }, /listen\[0\]: tcp:\[0::\]:5060 means all addresses/],
  ['an advertised port that is none', { advertise: 'sip.example.test:0' }, /advertise: write HOST or HOST:PORT/],
  [
    'the same address twice',
    { listen: ['tcp:10.0.0.1:5060', 'tcp:10.0.0.1:5060?proxy=10.0.0.2'] },
    /repeats listen\[0\]/,
  ],
  ['a balancer for UDP', { listen: ['udp:10.0.0.1:5060?proxy=10.0.0.2'] }, /listen\[0\]: write .*no proxy for udp/],
  ['an open API', { admin: { listen: '0.0.0.0:8080' } }, /admin\.token: is missing: 0\.0\.0\.0:8080 is open/],
  ['an open API, weak token', { admin: { listen: '0.0.0.0:8080', token: 'short' } }, /admin\.token: is too short/],
  ['an open link, weak secret', { node: { link: '10.0.0.1:7000' } }, /cluster\.secret: is too short/],
  [
    'a link that others reach, weak secret',
    { node: { advertiseLink: '10.0.0.1:7000' } },
    /cluster\.secret: is too short/,
  ],
  ['a link by TLS without an authority', { node: { linkTls: { cert: 'c', key: 'k' } } }, /node\.linkTls\.ca/],
  [
    'packets in clear between nodes with TLS',
    { cluster: { secret: 'x', forward: 'datagrams' }, node: { linkTls: { cert: 'c', key: 'k', ca: 'a' } } },
    /cluster\.forward: must be "links"/,
  ],
  ['a trusted network that is none', { defence: { trusted: ['lan'] } }, /defence\.trusted\[0\]: write a network/],
  ['gateways', { gateways: [{ id: 'x' }] }, /gateways: this version knows no gateways/],
  ['null', { node: null }, /node: must be an object, is null/],
];

for (const [name, fields, sentence] of wrong) {
  test(`refused with one sentence: ${name}`, () => {
    const sentences = refused({ ...smallest, ...fields });
    assert.equal(sentences.length, 1, sentences.join('\n'));
    assert.match(sentences[0] ?? '', sentence);
  });
}

test('names from a file reach the terminal only as short visible text', () => {
  const [sentence] = refused({ ...smallest, [`\u001b[31m${'x'.repeat(500)}`]: 1 });
  assert.match(sentence ?? '', /^f\.json: \?\[31mx+\.\.\.: is not/);
  assert.ok((sentence ?? '').length < 300);
});
