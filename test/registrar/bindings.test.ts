/**
 * The registrar rule by rule: RFC 3261 10.3, RFC 5626 6, RFC 3327 5.3 and the registrar's part of RFC 4475.
 * Seen failing with: Min-Expires left out; expires of the Contact ignored in favour of the header; a last half second listed
 * as 0. More in bindings-model.test.ts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { expire, lookup, nextExpiryMs, noBindings, register } from '../../src/registrar/bindings.ts';
import type { Bindings, RegisterContext } from '../../src/registrar/bindings.ts';
import { isFailure, parse } from '../../src/sip/parse.ts';
import { context, flow, requestOf, requestText, startMs, valuesOf } from './requests.ts';
import type { Parts } from './requests.ts';

const send = (state: Bindings, parts: Parts, over: Partial<RegisterContext> = {}) =>
  register(state, requestOf(requestText(parts)), context(over));
const urn = '<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>';

/** What the contact is granted, from the answer. */
function granted(parts: Parts, over: Partial<RegisterContext> = {}): string {
  const result = send(noBindings, parts, over);
  return result.status === 200
    ? (/;expires=(\d+)/.exec(valuesOf(result, 'Contact')[0] ?? '')?.[1] ?? 'none')
    : String(result.status);
}

test('a binding holds what the phone said and where it came from', () => {
  const result = send(noBindings, {
    contacts: [
      `"Al" <sip:alice@192.0.2.7;ob>;q=0.75;expires=600;+sip.instance="${urn}";reg-id=2;methods="INVITE,BYE";x=y`,
    ],
    callId: 'c@1',
    cseq: 7,
    lines: [
      'Supported: path, outbound',
      'User-Agent: Phone 1.0',
      'Path: <sip:p2.example.com;lr>, <sip:p1.example.com;lr;ob>',
    ],
    vias: 3,
  });
  assert.equal(result.status, 200);
  assert.equal(result.changed, 'change');
  assert.deepEqual(result.bindings, [
    {
      uri: 'sip:alice@192.0.2.7;ob',
      q: 0.75,
      expiresAtMs: startMs + 600_000,
      callId: 'c@1',
      cseq: 7,
      instance: urn,
      regId: 2,
      path: ['<sip:p2.example.com;lr>', '<sip:p1.example.com;lr;ob>'],
      flow,
      userAgent: 'Phone 1.0',
      methods: 'INVITE,BYE',
      registeredAtMs: startMs,
      former: [],
    },
  ]);
  assert.deepEqual(result.headers, [
    ['Contact', `<sip:alice@192.0.2.7;ob>;expires=600;q=0.75;+sip.instance="${urn}";reg-id=2`],
    ['Path', '<sip:p2.example.com;lr>'],
    ['Path', '<sip:p1.example.com;lr;ob>'],
    ['Require', 'outbound'],
    ['Date', 'Tue, 14 Nov 2023 22:13:20 GMT'],
  ]);
});

test('the expiry: Contact before Expires before 3600, clamped, never below the minimum', () => {
  const contact = '<sip:a@h.example>';
  assert.equal(granted({ contacts: [contact] }), '3600');
  assert.equal(granted({ contacts: [contact], expires: '100' }), '100');
  assert.equal(granted({ contacts: [`${contact};expires=200`], expires: '100' }), '200');
  assert.equal(granted({ contacts: [contact], expires: '99999' }), '7200');
  assert.equal(granted({ contacts: [contact], expires: '60' }), '60');
  assert.equal(granted({ contacts: [contact], expires: '59' }), '423');
  assert.equal(granted({ contacts: [`${contact};expires=1`] }), '423');
  assert.equal(granted({ contacts: [contact], expires: '0' }), 'none');
  assert.equal(
    granted({ contacts: [contact] }, { limits: { minExpiresSeconds: 60, maxExpiresSeconds: 300, maxContacts: 1 } }),
    '300',
  );
  // 423 only below one hour (10.3 step 7), however long our own minimum is.
  assert.equal(
    granted({ contacts: [contact] }, { limits: { minExpiresSeconds: 5000, maxExpiresSeconds: 7200, maxContacts: 1 } }),
    '3600',
  );
  assert.deepEqual(valuesOf(send(noBindings, { contacts: [contact], expires: '1' }), 'Min-Expires'), ['60']);
});

test('an expiry that is no number, or over 2**32-1, counts as 3600', () => {
  for (const text of ['NaN', '-1', '1e9', '4294967296', '9'.repeat(100), '0x10', '1.5', '']) {
    assert.equal(granted({ contacts: ['<sip:a@h.example>'], expires: text }), '3600', text);
  }
  for (const text of ['NaN', '-1', '1e9', '4294967296', '9'.repeat(100), '"60"']) {
    assert.equal(granted({ contacts: [`<sip:a@h.example>;expires=${text}`] }), '3600', text);
  }
  assert.equal(granted({ contacts: ['<sip:a@h.example>'], expires: '4294967295' }), '7200');
});

test('q: 0 to 1 or 400', () => {
  const bindings = send(noBindings, {
    contacts: ['<sip:a@h>;q=0.1', '<sip:b@h>;q=1.000', '<sip:c@h>', '<sip:d@h>;q=0'],
  }).bindings;
  assert.deepEqual(
    lookup(bindings, startMs).map((binding) => binding.q),
    [1, 1, 0.1, 0],
  );
  for (const q of [
    'NaN',
    '1e309',
    '-1',
    '2',
    '1.1',
    '1.001',
    '0,5',
    'Infinity',
    '+1',
    '.5',
    '0x1',
    '""',
    '0.5.5',
    '1e0',
  ]) {
    const message = parse(Buffer.from(requestText({ contacts: [`<sip:a@h>;q=${q}`] }), 'latin1'), false);
    if (isFailure(message)) continue; // Refused even earlier.
    assert.equal(register(noBindings, message, context()).status, 400, q);
  }
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1000 }), (thousandths) => {
      const result = send(noBindings, { contacts: [`<sip:a@h>;q=${(thousandths / 1000).toFixed(3)}`] });
      assert.equal(result.bindings[0]!.q, thousandths / 1000);
      assert.match(valuesOf(result, 'Contact')[0]!, thousandths === 1000 ? /;expires=3600$/ : /;q=0(\.\d{1,3})?$/);
    }),
  );
});

test('a request without Contact asks only', () => {
  const { bindings } = send(noBindings, { contacts: ['<sip:a@h>', '<sip:b@h>;expires=100'] });
  const result = send(bindings, { cseq: 1 }, { nowMs: startMs + 50_500 });
  assert.deepEqual([result.status, result.changed, result.bindings === bindings], [200, 'none', true]);
  assert.deepEqual(valuesOf(result, 'Contact'), ['<sip:a@h>;expires=3549', '<sip:b@h>;expires=49']);
  const last = valuesOf(send(bindings, {}, { nowMs: startMs + 99_999 }), 'Contact');
  assert.deepEqual(last, ['<sip:a@h>;expires=3500', '<sip:b@h>;expires=1']);
  assert.deepEqual(valuesOf(send(bindings, {}, { nowMs: startMs + 100_000 }), 'Contact'), ['<sip:a@h>;expires=3500']);
});

test('the star removes everything, with Expires: 0 and alone', () => {
  const { bindings } = send(noBindings, { contacts: ['<sip:a@h>', '<sip:b@h>'], callId: 'x', cseq: 5 });
  assert.deepEqual(send(bindings, { contacts: ['*'], expires: '0', callId: 'x', cseq: 6 }).bindings, []);
  assert.deepEqual(send(bindings, { contacts: ['*'], expires: '0', callId: 'y', cseq: 1 }).bindings, []);
  for (const expires of ['3600', 'abc', undefined]) {
    const result = send(bindings, { contacts: ['*'], callId: 'y', ...(expires === undefined ? {} : { expires }) });
    assert.deepEqual([result.status, result.bindings === bindings], [400, true]);
  }
  const old = send(bindings, { contacts: ['*'], expires: '0', callId: 'x', cseq: 5 });
  assert.deepEqual([old.status, old.bindings === bindings], [500, true]);
  for (const contacts of [['*', '<sip:a@h>'], ['<sip:a@h>', '*'], ['*, <sip:a@h>'], ['*', '*'], ['*;expires=0']]) {
    assert(isFailure(parse(Buffer.from(requestText({ contacts, expires: '0' }), 'latin1'), false)));
  }
});

test('with one Call-ID only a higher CSeq changes a binding; one bad contact spoils all', () => {
  const { bindings } = send(noBindings, { contacts: ['<sip:a@h>', '<sip:b@h>'], callId: 'x', cseq: 5 });
  for (const cseq of [4, 5]) {
    const result = send(bindings, { contacts: ['<sip:new@h>', '<sip:a@h>'], callId: 'x', cseq });
    assert.deepEqual([result.status, result.bindings === bindings, result.changed], [500, true, 'none']);
  }
  assert.equal(send(bindings, { contacts: ['<sip:a@h>'], callId: 'x', cseq: 6 }).changed, 'refresh');
  assert.equal(send(bindings, { contacts: ['<sip:a@h>'], callId: 'y', cseq: 1 }).changed, 'refresh');
  for (const spoiler of ['<sip:c@224.0.0.1>', '<http://h>', '<sip:c@h>;expires=5', '<sip:c@h>;q=2']) {
    const result = send(bindings, { contacts: ['<sip:a@h>;expires=0', spoiler], callId: 'x', cseq: 6 });
    assert([400, 423].includes(result.status) && result.bindings === bindings, spoiler);
  }
});

test('a phone behind a new NAT port replaces its binding by its instance', () => {
  const first = send(noBindings, { contacts: [`<sip:a@10.0.0.5:5060>;+sip.instance="${urn}"`], callId: 'x', cseq: 1 });
  const moved = send(
    first.bindings,
    { contacts: [`<sip:a@10.0.0.5:6070>;+sip.instance="${urn.toLowerCase()}"`], callId: 'x', cseq: 2 },
    { flow: { ...flow, port: 40_000 }, nowMs: startMs + 1 },
  );
  assert.deepEqual(
    moved.bindings.map((b) => [b.uri, b.flow.port, b.registeredAtMs]),
    [['sip:a@10.0.0.5:6070', 40_000, startMs]],
  );
  assert.equal(moved.changed, 'change');
  const same = send(
    first.bindings,
    { contacts: [`<sip:a@10.0.0.5:5060>;+sip.instance="${urn}"`], callId: 'x', cseq: 2 },
    { flow: { ...flow, port: 40_000 } },
  );
  assert.deepEqual([same.bindings.length, same.changed], [1, 'change']);
});

test('two phones with the same private address are two; two contacts of one phone stay two', () => {
  const other = urn.replace('8000', '9000');
  let state = send(noBindings, { contacts: [`<sip:a@10.0.0.5>;+sip.instance="${urn}"`], callId: 'x' }).bindings;
  state = send(state, { contacts: [`<sip:a@10.0.0.5>;+sip.instance="${other}"`], callId: 'y' }).bindings;
  assert.equal(state.length, 2);
  const both = [`<sip:a@h1>;+sip.instance="${urn}"`, `<sip:a@h2>;+sip.instance="${urn}"`];
  state = send(noBindings, { contacts: both, cseq: 1 }).bindings;
  assert.equal(state.length, 2);
  assert.equal(send(state, { contacts: both, cseq: 2 }).bindings.length, 2);
  assert.equal(send(state, { contacts: [both[0]!], cseq: 2 }).bindings.length, 2);
});

test('RFC 5626: one binding for each reg-id; reg-id alone means nothing', () => {
  const flowOf = (regId: number, uri = 'a@10.0.0.5'): string => `<sip:${uri}>;+sip.instance="${urn}";reg-id=${regId}`;
  let state = send(noBindings, { contacts: [flowOf(1)], callId: 'x', cseq: 1 }).bindings;
  state = send(state, { contacts: [flowOf(2)], callId: 'y', cseq: 1 }).bindings;
  assert.deepEqual(
    state.map((b) => b.regId),
    [1, 2],
  );
  state = send(state, { contacts: [flowOf(1, 'a@10.0.0.9')], callId: 'x', cseq: 2 }).bindings;
  assert.deepEqual(
    state.map((b) => b.uri),
    ['sip:a@10.0.0.9', 'sip:a@10.0.0.5'],
  );
  assert.equal(send(noBindings, { contacts: ['<sip:a@h>;reg-id=3'] }).bindings[0]!.regId, 0);
  for (const regId of ['0', 'x', '-1', '2147483648'])
    assert.equal(send(noBindings, { contacts: [`<sip:a@h>;+sip.instance="${urn}";reg-id=${regId}`] }).status, 400);
  assert.equal(send(noBindings, { contacts: [flowOf(1), '<sip:b@h>'] }).status, 400);
  assert.equal(send(noBindings, { contacts: [flowOf(1), '<sip:b@h>;expires=0'] }).status, 200);
});

test('RFC 5626: reg-id counts only if the first hop keeps the flow', () => {
  const contacts = [`<sip:a@h>;+sip.instance="${urn}";reg-id=1`];
  const supported = 'Supported: outbound, path';
  const through = (lines: readonly string[]) => send(noBindings, { contacts, lines: [supported, ...lines], vias: 2 });
  assert.equal(through(['Path: <sip:edge.example.com;lr;ob>']).bindings[0]!.regId, 1);
  assert.equal(through(['Path: <sip:core.example.com;lr;ob>, <sip:edge.example.com;lr>']).bindings[0]!.regId, 0);
  assert.deepEqual(valuesOf(through([]), 'Require'), []);
  assert.equal(through([]).bindings[0]!.regId, 0);
  assert.equal(through(['Require: outbound']).status, 439);
});

test('Path: kept, returned to those who understand it, refused when it is no address', () => {
  const contacts = ['<sip:a@h>'];
  assert.deepEqual(valuesOf(send(noBindings, { contacts, lines: ['Path: <sip:p;lr>'] }), 'Path'), []);
  for (const path of [
    'sip:p',
    '<http://p>',
    '<sip:p',
    '<tel:+1>',
    Array.from({ length: 9 }, () => '<sip:p;lr>').join(','),
  ]) {
    assert.equal(send(noBindings, { contacts, lines: [`Path: ${path}`] }).status, 400, path);
  }
});

test('what is required and not understood is named', () => {
  const result = send(noBindings, {
    contacts: ['<sip:a@h>'],
    lines: ['Require: path, gruu', 'Require: Outbound, teleport'],
  });
  assert.equal(result.status, 420);
  assert.deepEqual(result.headers, [['Unsupported', 'gruu, teleport']]);
});

test('more contacts than allowed: 403 and nothing done; a full house may still refresh and replace', () => {
  const contacts = Array.from({ length: 4 }, (_, at) => `<sip:c${at}@h>`);
  const { bindings } = send(noBindings, { contacts, cseq: 1 });
  const fifth = send(bindings, { contacts: ['<sip:c5@h>'], cseq: 2 });
  assert.deepEqual([fifth.status, fifth.bindings === bindings], [403, true]);
  assert.equal(send(bindings, { contacts, cseq: 2 }).changed, 'refresh');
  assert.equal(send(bindings, { contacts: ['<sip:c5@h>', '<sip:c0@h>;expires=0'], cseq: 2 }).status, 200);
  assert.equal(send(bindings, { contacts: ['<sip:c5@h>'], cseq: 2 }, { nowMs: startMs + 3_600_000 }).status, 200);
});

test('contacts that are no single host, or not SIP, are refused', () => {
  const hosts = [
    '0.0.0.0:6379',
    '0.1.2.3',
    '224.0.0.1',
    '239.255.255.250',
    '255.255.255.255',
    '240.0.0.1',
    '[::]',
    '[ff02::1]',
    '[::ffff:224.0.0.1]',
    '[::ffff:0.0.0.0]',
    '0x7f000001',
    '127.0x1',
    '010.1.2.3',
  ];
  for (const host of hosts) {
    const message = parse(Buffer.from(requestText({ contacts: [`<sip:a@${host}>`] }), 'latin1'), false);
    if (!isFailure(message)) assert.equal(register(noBindings, message, context()).status, 400, host);
  }
  for (const host of [
    '127.0.0.1:5099',
    '10.0.0.1',
    'phone.example.com',
    'phone.invalid',
    '[::1]',
    '[2001:db8::1]:5070',
    'localhost',
    '4f3c2d1a',
    'pc33',
  ]) {
    assert.equal(send(noBindings, { contacts: [`<sip:a@${host}>`] }).status, 200, host);
  }
  for (const uri of ['tel:+4930123', 'mailto:a@h', 'name:John_Smith', 'sip:a@', 'sip:a@2130706433', 'sip:a@h:99999']) {
    assert.equal(send(noBindings, { contacts: [`<${uri}>`] }).status, 400, uri);
  }
});

test('lookup, expiry and the next expiry', () => {
  let state = send(noBindings, {
    contacts: ['<sip:old@h>;q=0.5;expires=100', '<sip:low@h>;q=0.1;expires=300'],
    callId: 'x',
  }).bindings;
  state = send(state, { contacts: ['<sip:new@h>;q=0.5;expires=200'], callId: 'y' }, { nowMs: startMs + 1000 }).bindings;
  const names = (bindings: Bindings): string[] => bindings.map((binding) => binding.uri);
  assert.deepEqual(names(lookup(state, startMs + 1000)), ['sip:new@h', 'sip:old@h', 'sip:low@h']);
  assert.equal(nextExpiryMs(state), startMs + 100_000);
  assert.equal(expire(state, startMs + 99_999), state);
  assert.deepEqual(names(expire(state, startMs + 100_000)), ['sip:low@h', 'sip:new@h']);
  assert.deepEqual(names(lookup(state, startMs + 100_000)), ['sip:new@h', 'sip:low@h']);
  assert.equal(nextExpiryMs(noBindings), 0);
});

test('RFC 4475: contact parameters, URI parameters, escaped headers, escaped nulls', () => {
  const fetched = (contact: string): string[] => {
    const { bindings, status } = send(noBindings, { contacts: [contact], expires: '3600' });
    assert.equal(status, 200);
    return valuesOf(send(bindings, { cseq: 2 }), 'Contact');
  };
  // cparam01, cparam02, regescrt
  assert.deepEqual(fetched('sip:+19725552222@gw1.example.net;unknownparam'), [
    '<sip:+19725552222@gw1.example.net>;expires=3600',
  ]);
  assert.deepEqual(fetched('<sip:+19725552222@gw1.example.net;unknownparam>'), [
    '<sip:+19725552222@gw1.example.net;unknownparam>;expires=3600',
  ]);
  assert.deepEqual(fetched('<sip:user@example.com?Route=%3Csip:sip.example.com%3E>'), [
    '<sip:user@example.com?Route=%3Csip:sip.example.com%3E>;expires=3600',
  ]);
  // escnull
  const nulls = send(noBindings, {
    to: 'sip:null-%00-null@example.com',
    contacts: ['<sip:%00@host5.example.com>', '<sip:%00%00@host5.example.com>'],
  });
  assert.deepEqual(
    nulls.bindings.map((binding) => binding.uri),
    ['sip:%00@host5.example.com', 'sip:%00%00@host5.example.com'],
  );
  // regbadct
  const bare = parse(
    Buffer.from(requestText({ contacts: ['sip:user@example.com?Route=%3Csip:sip.example.com%3E'] }), 'latin1'),
    false,
  );
  assert.equal(isFailure(bare) ? bare.status : register(noBindings, bare, context()).status, 400);
  // unksm2
  assert.equal(send(noBindings, { to: 'isbn:2983792873', contacts: ['<name:John_Smith>'] }).status, 400);
  assert.equal(send(noBindings, { to: 'isbn:2983792873' }).status, 400);
});
