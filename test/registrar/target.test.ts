/**
 * Where calls to a binding go. Seen failing with: `?headers` left in the Request-URI; an address literal trusted although the REGISTER came from elsewhere.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Flow } from '../../src/outside.ts';
import type { Binding } from '../../src/registrar/bindings.ts';
import { destinationOf } from '../../src/registrar/target.ts';
import { parseUri } from '../../src/sip/uri.ts';
import { flow, startMs } from './requests.ts';

const binding = (uri: string, over: Partial<Binding> = {}): Binding => ({
  uri,
  q: 1,
  expiresAtMs: startMs,
  callId: 'x',
  cseq: 1,
  instance: '',
  regId: 0,
  path: [],
  flow,
  userAgent: '',
  methods: '',
  registeredAtMs: startMs,
  former: [],
  ...over,
});
const tcp: Flow = { protocol: 'tcp', listener: 1, address: '192.0.2.7', port: 51_000, connection: 'a/0/17' };
const takesFlow = (uri: string, over: Partial<Binding> = {}): boolean =>
  destinationOf(binding(uri, over)).flow !== undefined;

test('a contact that is the sender itself is called at its word', () => {
  for (const uri of [
    'sip:a@192.0.2.7',
    'sip:a@192.0.2.7:5070',
    'sip:a@[::ffff:192.0.2.7]:5070',
    'sip:a@phone.example.com',
    'sip:a@phone.example.com:5080;transport=tcp',
  ]) {
    assert.equal(takesFlow(uri), false, uri);
  }
});

test('a contact that cannot be true is called over the flow of its registration', () => {
  for (const uri of [
    'sip:a@10.0.0.5',
    'sip:a@192.0.2.8',
    'sip:a@127.0.0.1:6379;transport=tcp',
    'sip:a@[::1]:6379;transport=tcp',
    'sip:a@169.254.169.254',
    'sip:a@k2h4.invalid',
    'sip:a@localhost',
    'sip:a@[2001:db8::1]',
  ]) {
    assert.deepEqual(destinationOf(binding(uri)).flow, flow, uri);
  }
});

test('streams and outbound flows are used whatever the contact says', () => {
  for (const uri of ['sip:a@192.0.2.7', 'sip:a@phone.example.com;transport=tcp']) {
    assert.deepEqual(destinationOf(binding(uri, { flow: tcp })).flow, tcp);
    assert.equal(takesFlow(uri, { regId: 1, instance: 'i' }), true);
  }
});

test('the Path becomes the route and says where to go', () => {
  const path = ['<sip:p2.example.com;lr>', '<sip:token@p1.example.com;lr;ob>'];
  assert.deepEqual(destinationOf(binding('sip:a@10.0.0.5', { path, flow: tcp, regId: 1 })), {
    requestUri: 'sip:a@10.0.0.5',
    route: path,
    flow: undefined,
  });
});

test('no header and no method get from a contact into a request line; everything else stays as it was', () => {
  const part = (unit: string, maxLength: number) =>
    fc.string({ unit: fc.constantFrom(...unit), minLength: 1, maxLength });
  const param = fc.record({
    name: fc.constantFrom('transport', 'lr', 'Method', 'x', 'user', 'ob', 'METHOD', 'methods'),
    value: fc.option(part('ab%4c'.replaceAll('%', ''), 4), { nil: undefined }),
  });
  const user = fc.oneof(
    fc.constant(''),
    part('ab;?=/&', 6).map((text) => `${text}@`),
  );
  fc.assert(
    fc.property(
      user,
      fc.constantFrom('h.example', '[::1]', '10.0.0.1:5080'),
      fc.uniqueArray(param, { selector: ({ name }) => name.toLowerCase(), maxLength: 4 }),
      fc.constantFrom('', '?Route=%3Csip:evil%3E', '?a=b&c=d;method=x'),
      (userinfo, host, params, headers) => {
        const text = (list: typeof params): string =>
          list.map(({ name, value }) => (value === undefined ? `;${name}` : `;${name}=${value}`)).join('');
        const contact = `sip:${userinfo}${host}${text(params)}${headers}`;
        fc.pre(headers.includes(';') || parseUri(contact) !== undefined);
        const expected = `sip:${userinfo}${host}${text(params.filter(({ name }) => name.toLowerCase() !== 'method'))}`;
        assert.equal(destinationOf(binding(contact)).requestUri, expected);
        assert.equal(parseUri(expected)?.headers.length, 0);
      },
    ),
  );
});
