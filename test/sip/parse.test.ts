/** What the parser refuses and with what: each rule. Limits are in parse-limits.test.ts. */
import assert from 'node:assert';
import { test } from 'node:test';
import { HeaderId } from '../../src/sip/header/names.ts';
import { isFailure, parse } from '../../src/sip/parse.ts';
import { accepted, outcome, text } from './requests.ts';

test('the request line (RFC 3261 7.1)', () => {
  const cases: [string, string][] = [
    ['OPTIONS sip:bob@example.com SIP/2.0', 'ok'],
    ['OPTIONS sip:bob@example.com sip/2.0', 'ok'],
    ['OPTIONS  sip:bob@example.com SIP/2.0', '400 start-line'],
    ['OPTIONS sip:bob@example.com  SIP/2.0', '400 start-line'],
    ['OPTIONS sip:bob@example.com SIP/2.0 ', '400 start-line'],
    ['OPTIONS sip:bob@example.com; lr SIP/2.0', '400 start-line'],
    ['OPTIONS sip:bob@example.com', '400 start-line'],
    ['OPTIONS sip:bob@example.com HTTP/1.1', '400 start-line'],
    ['OPTIONS sip:bob@example.com SIP/7.0', '505 version'],
    ['OPTIONS sip:bob@example.com SIP/2.00', '505 version'],
    ['OPTIONS sip:bob@example.com SIP/2.x', '400 start-line'],
    ['OPTIONS <sip:bob@example.com> SIP/2.0', '400 request-uri'],
    ['OPTIONS sip:bob@example.com?Subject=x SIP/2.0', '400 request-uri'],
    ['OPTIONS sip:2001:db8::10 SIP/2.0', '400 request-uri'],
    ['OPTIONS sip:[2001:db8::10] SIP/2.0', 'ok'],
    ['OPTIONS sip:[2001:db8:::10] SIP/2.0', '400 request-uri'],
    ['OPTIONS sip:bob@example.com:0 SIP/2.0', '400 request-uri'],
    ['OPTIONS sip:bob@example.com:65536 SIP/2.0', '400 request-uri'],
    ['OPTIONS sip:@example.com SIP/2.0', '400 request-uri'],
    ['OPTIONS sip:b%4@example.com SIP/2.0', '400 request-uri'],
    ['OPTIONS sip:bob@example.com;lr;LR SIP/2.0', '400 request-uri'],
    ['OPTIONS tel:+1-201-555-0123 SIP/2.0', 'ok'],
    ['OPTIONS tel:alice SIP/2.0', '400 request-uri'],
    ['OPTIONS urn:service:sos SIP/2.0', 'ok'],
    ['OPTIONS urn: SIP/2.0', '400 request-uri'],
    ['OPTIONS * SIP/2.0', '400 request-uri'],
    ['OPTIONS bob SIP/2.0', '400 request-uri'],
    ['OPTIONS sip:b\x80b@example.com SIP/2.0', '400 request-uri'],
    ['OPT\x01ONS sip:bob@example.com SIP/2.0', '0 start-line'],
    ['\xef\xbb\xbfOPTIONS sip:bob@example.com SIP/2.0', '0 start-line'],
    ['OPT/IONS sip:bob@example.com SIP/2.0', '0 start-line'],
  ];
  for (const [start, expected] of cases) assert.strictEqual(outcome({ start }), expected, start);
});

test('an unknown scheme parses; the URI is then nobody’s but the router’s', () => {
  const message = accepted({ start: 'OPTIONS nobodyKnows:this SIP/2.0' });
  assert.deepStrictEqual([message.uri, message.requestUri], [undefined, 'nobodyKnows:this']);
});

test('the status line (RFC 3261 7.2): malformed ones are dropped', () => {
  const cases: [string, string][] = [
    ['SIP/2.0 200 OK', 'ok'],
    ['SIP/2.0 200 ', 'ok'],
    ['sip/2.0 699 x', 'ok'],
    ['SIP/2.0 200', '0 status-line'],
    ['SIP/2.0 1000 High', '0 status-line'],
    ['SIP/2.0 2OO OK', '0 status-line'],
    ['SIP/2.0 -20 Neg', '0 status-line'],
    ['SIP/2.0 099 Low', '0 status-line'],
    ['SIP/2.0 700 High', '0 status-line'],
    ['SIP/2.0  200 OK', '0 status-line'],
    ['SIP/3.0 200 OK', '0 status-line'],
    ['SIP/2.0 4294967301 x', '0 status-line'],
  ];
  for (const [start, expected] of cases) assert.strictEqual(outcome({ start }), expected, start);
  assert.strictEqual(outcome({ start: 'SIP/2.0 200 OK', cseq: 'x' }), '0 cseq');
});

test('CSeq (RFC 3261 8.1.1.5)', () => {
  const cases: [string, string][] = [
    ['1 OPTIONS', 'ok'],
    ['0009\t OPTIONS', 'ok'],
    ['1\r\n OPTIONS', 'ok'],
    ['2147483647 OPTIONS', 'ok'],
    ['2147483648 OPTIONS', '400 cseq'],
    ['4294967296 OPTIONS', '400 cseq'],
    ['115211521152 OPTIONS', '400 cseq'],
    ['-1 OPTIONS', '400 cseq'],
    ['', '400 cseq'],
    ['1', '400 cseq'],
    ['OPTIONS', '400 cseq'],
    ['1OPTIONS', '400 cseq'],
    ['1 OPTIONS x', '400 cseq'],
    ['1e3 OPTIONS', '400 cseq'],
    ['1 INVITE', '400 cseq-method'],
    ['1 options', '400 cseq-method'],
  ];
  for (const [cseq, expected] of cases) assert.strictEqual(outcome({ cseq }), expected, cseq);
  assert.strictEqual(
    outcome({ start: 'NEWMETHOD sip:bob@example.com SIP/2.0', cseq: '8 INVITE' }),
    '501 unknown-method',
  );
  assert.strictEqual(
    outcome({ start: 'ACK sip:bob@example.com SIP/2.0', cseq: '8 INVITE' }),
    '0 cseq-method',
    'an ACK is never answered',
  );
});

test('Via (RFC 3261 20.42)', () => {
  const cases: [string, string][] = [
    ['SIP/2.0/UDP a', 'ok'],
    ['SIP / 2.0 / UDP\t a : 5060 ; branch = z9hG4bKx', 'ok'],
    ['SIP/2.0/NEW [2001:db8::1]:5060', 'ok'],
    ['SIP/2.0/UDP a, SIP/2.0/UDP b', 'ok'],
    ['', '400 via'],
    ['SIP/2.0/UDP', '400 via'],
    ['SIP/2.0/UDP ;rport', '400 via'],
    ['SIP/9.9/UDP a', '400 via'],
    ['SIP/2.0 UDP a', '400 via'],
    ['SIP/2.0/UDP a:0', 'ok'], // SIPp writes it
    ['SIP/2.0/UDP a:-5', '400 via'],
    ['SIP/2.0/UDP a:65536', '400 via'],
    ['SIP/2.0/UDP a:', '400 via'],
    ['SIP/2.0/UDP a;;', '400 via'],
    ['SIP/2.0/UDP a;branch=', '400 via'],
    ['SIP/2.0/UDP a;branch=1;branch=2', '400 via'],
    ['SIP/2.0/UDP a,', '400 via'],
    ['SIP/2.0/UDP a,,SIP/2.0/UDP b', '400 via'],
    ['SIP/2.0/UDP a, SIP/2.0/UDP', '400 via'],
    ['SIP/2.0/UDP 999.1.1.1', '400 via'],
    ['SIP/2.0/UDP 2001:db8::1', '400 via'],
    ['SIP/2.0/UDP a;rport=0', '400 via'],
    ['SIP/2.0/UDP a;received=evil', '400 via'],
    ['SIP/2.0/UDP a b', '400 via'],
    ['SIP/2.0/UDP a;branch=z9hG4bK', '400 branch'],
  ];
  for (const [via, expected] of cases) assert.strictEqual(outcome({ via }), expected, via);
  assert.strictEqual(outcome(text({}).replace(/Via: .*\r\n/, '')), '400 missing-header');
});

test('From, To and Contact (RFC 3261 20.10)', () => {
  const cases: [string, boolean][] = [
    ['sip:a@b', true],
    ['<sip:a@b>', true],
    ['A B <sip:a@b>', true],
    ['"A, B" <sip:a@b>;x=y', true],
    ['caller<sip:a@b>', true],
    ['isbn:2983792873', true],
    ['"" <sip:a@b>', true],
    ['<sip:a@b;__proto__=1>;constructor=1', true],
    ['"\xff\xfe" <sip:a@b>', true],
    ['', false],
    ['<>', false],
    ['None', false],
    ['a@b', false],
    ['Bell, A <sip:a@b>', false],
    ['"A <sip:a@b>', false],
    ['< sip:a@b>', false],
    ['<sip:a@b >', false],
    ['<sip:a@b', false],
    ['sip:a@b?x=y', false],
    ['<sip:>', false],
    ['"a"', false],
    ['<sip:a@b>;', false],
    ['<sip:a@b>;;', false],
    ['<sip:a@b>;x=', false],
    ['<sip:a@b> x', false],
    ['"a\\', false],
    ['"a" b <sip:a@b>', false],
  ];
  for (const [value, good] of cases) {
    assert.strictEqual(outcome({ from: value }), good ? 'ok' : '400 from', `From: ${value}`);
    assert.strictEqual(outcome({ to: value }), good ? 'ok' : '400 to', `To: ${value}`);
    assert.strictEqual(outcome({ more: [`Contact: ${value}`] }), good ? 'ok' : '400 contact', `Contact: ${value}`);
    assert.strictEqual(outcome({ more: [`Route: ${value}`] }), good ? 'ok' : '400 route', `Route: ${value}`);
    assert.strictEqual(
      outcome({ more: [`Record-Route: ${value}`] }),
      good ? 'ok' : '400 record-route',
      `Record-Route: ${value}`,
    );
  }
  assert.strictEqual(outcome({ from: '<sip:a@b>, <sip:c@d>' }), '400 from');
  assert.strictEqual(outcome({ from: '<sip:a@b>;tag=1;tag=2' }), '400 from');
  assert.strictEqual(outcome({ more: ['Contact: <sip:a@b>, "C, D" <sip:c@d>'] }), 'ok');
  assert.strictEqual(outcome({ more: ['Contact: <sip:a@b>,'] }), '400 contact');
});

test('Contact: * (RFC 3261 10.2.2)', () => {
  const register = { start: 'REGISTER sip:example.com SIP/2.0', cseq: '1 REGISTER' };
  assert.strictEqual(accepted({ ...register, more: ['m: *'] }).contacts, '*');
  assert.strictEqual(outcome({ ...register, more: ['Contact: *, <sip:a@b>'] }), '400 contact');
  assert.strictEqual(outcome({ ...register, more: ['Contact: *', 'Contact: <sip:a@b>'] }), '400 contact');
  assert.strictEqual(outcome({ ...register, more: ['Contact: <sip:a@b>', 'Contact: *'] }), '400 contact');
  assert.strictEqual(outcome({ more: ['Contact: *'] }), '400 contact');
});

test('header lines', () => {
  const cases: [string, string][] = [
    ['X-Y : z', 'ok'],
    ['X-Y:', 'ok'],
    ['X-Y', '400 header-line'],
    ['X Y: z', '400 header-name'],
    [': z', '400 header-name'],
    ['To\x01: x', '400 header-name'],
    ['X(Y): z', '400 header-name'],
    ['X: a\rb', '400 line-end'],
    ['X: a\nb', '400 line-end'],
    ['X: a\0b', '400 control-octet'],
    ['X: a\x7fb', '400 control-octet'],
    ['X: "\\\0"', 'ok'],
    ['X: "\0"', '400 control-octet'],
    ['X: \\\0', '400 control-octet'],
    ['X: "a\\\r\n b"', 'ok'],
    ['X: a\r\n\tb', 'ok'],
    ['X:\r\n \r\n b', 'ok'],
    ['__proto__: x', 'ok'],
    ['X: \xe2\x82\xac\xff', 'ok'],
  ];
  for (const [line, expected] of cases) assert.strictEqual(outcome({ more: [line] }), expected, JSON.stringify(line));
  assert.strictEqual(
    outcome(text({}).replace('\r\nVia', '\r\n Via')),
    '400 header-name',
    'a fold after the start line',
  );
  assert.strictEqual(outcome({ from: '"Bob\\\r\\\nX: y" <sip:a@b>' }), '400 line-end');
});

test('headers that may stand once (RFC 4475 3.3.8)', () => {
  for (const line of ['To: <sip:x@y>', 'f: <sip:x@y>', 'I: x', 'CSEQ: 1 OPTIONS']) {
    assert.strictEqual(outcome({ more: [line] }), '400 repeated-header', line);
  }
  for (const line of [
    'Max-Forwards: 70',
    'Content-Type: a/b',
    'Expires: 1',
    'Event: x',
    'Refer-To: <sip:a@b>',
    'Replaces: x',
  ]) {
    assert.strictEqual(outcome({ more: [line] }), 'ok', line);
    assert.strictEqual(outcome({ more: [line, line] }), '400 repeated-header', line);
  }
  assert.strictEqual(outcome({ more: ['Max-Forwards : 70', 'MAX-FORWARDS: 70'] }), '400 repeated-header');
});

test('Max-Forwards that is no number counts as absent (RFC 4475 3.1.2.4)', () => {
  for (const [value, expected] of [
    ['70', 70],
    ['0068', 68],
    ['0', 0],
    ['255', 255],
    ['256', -1],
    ['300', -1],
    ['abc', -1],
    ['1e2', -1],
    ['', -1],
    ['-1', -1],
  ] as const) {
    assert.strictEqual(accepted({ more: [`Max-Forwards: ${value}`] }).maxForwards, expected, value);
  }
  assert.strictEqual(accepted({}).maxForwards, -1);
});

test('Content-Length (RFC 3261 20.14)', () => {
  for (const value of ['-1', '+5', '5.0', '0x10', '1_0', '', 'five', '18446744073709551616', '00000000', '0 0']) {
    for (const stream of [false, true])
      assert.strictEqual(outcome({ more: [`Content-Length: ${value}`] }, stream), '400 content-length', value);
  }
  assert.strictEqual(outcome({ more: ['l: 0', 'Content-Length: 0'] }), '400 content-length');
  assert.strictEqual(outcome({ more: ['l: 1'] }), '400 body-short');
  assert.strictEqual(outcome({ more: ['l: 0000000'] }), 'ok');
  assert.strictEqual(outcome({}), 'ok');
  assert.strictEqual(outcome({}, true), '400 content-length-missing');
  const rest = parse(Buffer.from(`${text({})}the rest`), false);
  assert.ok(!isFailure(rest) && rest.body.toString() === 'the rest');
});

test('what is no message is dropped', () => {
  for (const noise of ['', 'jaK', '\r\n\r\n', '\0\0\0\0', 'OPTIONS', '\r', '\n'])
    assert.ok(outcome(noise).startsWith('0 '), JSON.stringify(noise));
});

test('Call-ID: visible characters, quotes and brackets among them', () => {
  assert.strictEqual(outcome({ callId: 'w%ZK-!.*_+\'@word`~)(><:\\/"][?}{' }), 'ok');
  for (const callId of ['', 'a b', 'a\xffb', 'a\r\n b']) assert.strictEqual(outcome({ callId }), '400 call-id', callId);
});

test('names of JavaScript members are ordinary names', () => {
  const message = accepted({
    from: '<sip:a@b;__proto__=1>;tag=1;__proto__=1;constructor=1',
    more: ['__proto__: polluted', 'constructor: x'],
  });
  assert.strictEqual(({} as Record<string, unknown>)['polluted'], undefined);
  assert.deepStrictEqual(
    [message.lines('__proto__'), message.lines('constructor'), message.lines('toString')],
    [['polluted'], ['x'], []],
  );
  assert.deepStrictEqual(
    message.from.params.map(([name]) => name),
    ['tag', '__proto__', 'constructor'],
  );
});

test('lazy values: header, values, lines, has', () => {
  const message = accepted({
    more: [
      'Supported: a, b',
      'k: c',
      'Supported:',
      's :',
      'X-Y: 1, 2',
      'x-y:\r\n 3\r\n  4',
      'User-Agent: a, b',
      'Accept: "x, y" , z',
    ],
  });
  assert.deepStrictEqual(message.values(HeaderId.Supported), ['a', 'b', 'c']);
  assert.strictEqual(message.header(HeaderId.Supported), 'a');
  assert.deepStrictEqual(message.lines('SUPPORTED'), ['a, b', 'c', '']);
  assert.deepStrictEqual(message.lines('k'), ['a, b', 'c', '']);
  assert.deepStrictEqual([message.header(HeaderId.Subject), message.has(HeaderId.Subject)], ['', true]);
  assert.deepStrictEqual(message.lines('X-y'), ['1, 2', '3 4']);
  assert.deepStrictEqual(message.lines('X-'), []);
  assert.strictEqual(message.header(HeaderId.UserAgent), 'a, b');
  assert.deepStrictEqual(message.values(HeaderId.Accept), ['"x, y"', 'z']);
  assert.deepStrictEqual(
    [message.header(HeaderId.Event), message.has(HeaderId.Event), message.values(HeaderId.Event)],
    [undefined, false, []],
  );
});
