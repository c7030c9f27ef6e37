/** URIs: RFC 3261 19.1 with its own examples, RFC 3966. */
import assert from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../../src/limits.ts';
import { aorOf, escapeUser, formatUri, parseUri, unescapeUri, uriEquals, uriParam } from '../../src/sip/uri.ts';
import type { SipUri } from '../../src/sip/uri.ts';
import { sipUri, telUri } from '../arbitraries/sip.ts';

function uri(text: string): SipUri {
  const parsed = parseUri(text);
  assert.ok(parsed, text);
  return parsed;
}

test('what is written parses to what was written', () => {
  fc.assert(
    fc.property(fc.oneof(sipUri, telUri), (one) => assert.deepStrictEqual(parseUri(formatUri(one)), one)),
    { numRuns: 2000 },
  );
});

test('parts', () => {
  assert.deepStrictEqual(uri('SIPS:Alice:pw@EXAMPLE.com:5061;Transport=TCP;lr?Subject=x&To=y'), {
    scheme: 'sips',
    user: 'Alice',
    password: 'pw',
    host: 'example.com',
    port: 5061,
    params: [
      ['transport', 'TCP'],
      ['lr', undefined],
    ],
    headers: [
      ['Subject', 'x'],
      ['To', 'y'],
    ],
  });
  assert.deepStrictEqual(
    [uri('sip:[2001:DB8::1]:5070').host, uri('sip:[2001:DB8::1]:5070').port],
    ['2001:db8::1', 5070],
  );
  assert.strictEqual(uriParam(uri('sip:a@b;x=%41%2541'), 'x'), 'A%41');
  assert.strictEqual(uriParam(uri('sip:a@b;l%72'), 'lr'), '');
  assert.strictEqual(uriParam(uri('sip:a@b'), 'lr'), undefined);
  assert.deepStrictEqual(uri('sip:a:@b').password, '');
});

test('refused', () => {
  const bad = [
    '',
    'sip',
    'sip:',
    'sip:@b',
    'sip:a@',
    'sip:a@b@c',
    'sip:a b@c',
    'sip:a@b:',
    'sip:a@b:x',
    'sip:a@b:99999',
    'sip:a@b:123456',
    'sip:a@b;',
    'sip:a@b;;x',
    'sip:a@b;=x',
    'sip:a@b;x;X',
    'sip:a@b?',
    'sip:a@b?x',
    'sip:a@b?x=1&',
    'sip:a%@b',
    'sip:a%4g@b',
    'sip:a@b%41',
    'sip:a@-b',
    'sip:a@b..c',
    'sip:a@1.2.3',
    'sip:a@256.1.1.1',
    'sip:a@[::1',
    'sip:a@::1',
    'sip:a@[1::2::3]',
    'sip:a@[g::]',
    'sip:a@[]',
    'sip:"a"@b',
    'sip:a@b\r\n',
    'sip:a@b\0',
    'sip:é@b',
    'sip:a@bé',
    'http://a',
    'tel:',
    'tel:+',
    'tel:--',
    'tel:1+2',
    'tel:+1;',
    'tel:+1 2',
    `sip:${'a'.repeat(limits.uriBytesMax)}@b`,
    `sip:a@b${Array.from({ length: limits.paramsPerValueMax + 1 }, (_, i) => `;p${i}`).join('')}`,
  ];
  for (const text of bad) assert.strictEqual(parseUri(text), undefined, text);
});

test('equal (RFC 3261 19.1.4)', () => {
  for (const [a, b] of [
    ['sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtLanTa.CoM;Transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;security=on'],
    [
      'sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com',
      'sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com',
    ],
    [
      'sip:alice@atlanta.com?subject=project%20x&priority=urgent',
      'sip:alice@atlanta.com?priority=urgent&subject=project%20x',
    ],
    ['tel:+1-201-555-0123', 'tel:+12015550123'],
  ] as const) {
    assert.ok(uriEquals(uri(a), uri(b)) && uriEquals(uri(b), uri(a)), `${a} = ${b}`);
  }
  for (const [a, b] of [
    ['SIP:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtLanTa.CoM;Transport=UDP'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:6000;transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com?Subject=next%20meeting'],
    ['sip:bob@phone21.boxesbybob.com', 'sip:bob@192.0.2.4'],
    ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;security=off'],
    ['sip:a@b', 'sips:a@b'],
    ['sip:a@b', 'sip:b'],
    ['sip:a:x@b', 'sip:a@b'],
    ['sip:a%3Bx@b', 'sip:a;x@b'],
    ['sip:a@b;maddr=1.1.1.1', 'sip:a@b'],
    ['sip:a@b;user=phone', 'sip:a@b'],
  ] as const) {
    assert.ok(!uriEquals(uri(a), uri(b)) && !uriEquals(uri(b), uri(a)), `${a} <> ${b}`);
  }
  fc.assert(
    fc.property(sipUri, (one) => assert.ok(uriEquals(one, one))),
    { numRuns: 300 },
  );
});

test('address-of-record (RFC 3261 10.3 step 5)', () => {
  for (const [text, aor] of [
    ['sip:Alice@EXAMPLE.com:5060;transport=tcp', 'sip:Alice@example.com'],
    ['sips:a@b', 'sip:a@b'],
    ['sip:%61@b', 'sip:a@b'],
    ['sip:example.com', 'sip:example.com'],
    ['sip:null-%00-null@b', 'sip:null-%00-null@b'],
    ['sip:a%40x@b', 'sip:a%40x@b'],
    ['sip:a%3bx@b', 'sip:a;x@b'],
    ['sip:a@[2001:DB8::1]', 'sip:a@[2001:db8::1]'],
    ['sip:a:pw@b', 'sip:a@b'],
    ['tel:+1-(201)5', 'tel:+12015'],
    ['sip:%c3%A9@b', 'sip:%C3%A9@b'],
  ] as const) {
    assert.strictEqual(aorOf(uri(text)), aor);
  }
  assert.notStrictEqual(aorOf(uri('sip:%00@b')), aorOf(uri('sip:%00%00@b')));
});

test('an address-of-record is a URI, and its own address-of-record; other users have another', () => {
  fc.assert(
    fc.property(sipUri, sipUri, (a, b) => {
      assert.strictEqual(aorOf(uri(aorOf(a))), aorOf(a));
      assert.strictEqual(aorOf(a) === aorOf(b), unescapeUri(a.user) === unescapeUri(b.user) && a.host === b.host);
    }),
    { numRuns: 2000 },
  );
});

test('escaping any octets gives a user part that unescapes to them', () => {
  const octets = fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
  fc.assert(
    fc.property(octets, (text) => assert.strictEqual(unescapeUri(uri(`sip:${escapeUser(text)}@b`).user), text)),
    { numRuns: 500 },
  );
});

test('unescaping happens once', () => {
  assert.strictEqual(unescapeUri('%2541'), '%41');
  assert.strictEqual(unescapeUri('100%'), '100%');
});
