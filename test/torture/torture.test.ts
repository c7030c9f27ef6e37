/**
 * RFC 4475 and RFC 5118, message by message: what the parser accepts, what it refuses with which status, and every
 * check of expected.json as an assertion. What routing decides (403, 404, 416, 420, 483) is beyond the parser.
 */
import assert from 'node:assert';
import { test } from 'node:test';
import { failureResponse, response } from '../../src/sip/build.ts';
import { StreamFramer, isFrameFailure, isPong } from '../../src/sip/frame.ts';
import { displayText } from '../../src/sip/header/address.ts';
import type { NameAddr } from '../../src/sip/header/address.ts';
import { HeaderId } from '../../src/sip/header/names.ts';
import { parseVia } from '../../src/sip/header/via.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { isKnownMethod } from '../../src/sip/method.ts';
import { findParam } from '../../src/sip/params.ts';
import type { ParseFailure } from '../../src/sip/parse.ts';
import { isFailure, parse } from '../../src/sip/parse.ts';
import { Splice } from '../../src/sip/splice.ts';
import { aorOf, parseUri, unescapeUri, uriParam } from '../../src/sip/uri.ts';
import type { SipUri } from '../../src/sip/uri.ts';
import { torture } from './corpus.ts';

/** Valid for the parser although the expected outcome is a refusal: routing or policy refuses them. */
const refusedByRouting: ReadonlySet<string> = new Set(['unkscm', 'novelsc', 'unksm2', 'bext01', 'zeromf']);
/** Responses that parse and are dropped later, since they match no transaction. */
const droppedByMatching: ReadonlySet<string> = new Set(['unreason', 'noreason', 'bcast']);

function uriOf(text: string): SipUri {
  const uri = parseUri(text);
  assert.ok(uri, text);
  return uri;
}

function contact(m: SipMessage, i = 0): NameAddr {
  assert.ok(m.contacts !== '*');
  const found = m.contacts[i];
  assert.ok(found);
  return found;
}

function vias(m: SipMessage): string[] {
  return m.values(HeaderId.Via).map((value) => {
    const via = parseVia(value);
    return via === undefined ? 'bad' : `${via.transport} ${via.host} ${via.branch}`;
  });
}

function forwarded(m: SipMessage): Buffer {
  return new Splice(m).pushVia('SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx').maxForwards(10).toBuffer();
}

/** What expected.json says in words, for messages that parse. */
const accepted: Readonly<Record<string, (m: SipMessage) => void>> = {
  'wsinv'(m) {
    assert.strictEqual(m.method, 'INVITE');
    assert.strictEqual(m.requestUri, 'sip:vivekg@chair-dnrc.example.com;unknownparam');
    assert.deepStrictEqual(m.uri?.params, [['unknownparam', undefined]]);
    assert.deepStrictEqual([m.toTag, m.fromTag], ['1918181833n', '98asjd8']);
    assert.strictEqual(displayText(m.from), 'J Rosenberg \\"');
    assert.deepStrictEqual([m.maxForwards, m.cseq, m.cseqMethod, m.body.length], [68, 9, 'INVITE', 150]);
    assert.deepStrictEqual(vias(m), [
      'UDP 192.0.2.2 390skdjuw',
      'TCP spindle.example.com z9hG4bK9ikj8',
      'UDP 192.168.255.111 z9hG4bK30239',
    ]);
    assert.strictEqual(m.header(HeaderId.Subject), '');
    assert.deepStrictEqual(m.lines('NewFangledHeader'), ['newfangled value continued newfangled value']);
    assert.deepStrictEqual(m.lines('unknownheaderwithunusualvalue'), [';;,,;;,;']);
    assert.ok(forwarded(m).includes('UnknownHeaderWithUnusualValue: ;;,,;;,;\r\n'));
    const only = contact(m);
    assert.strictEqual(displayText(only), 'Quoted string ""');
    assert.deepStrictEqual(only.params, [
      ['newparam', 'newvalue'],
      ['secondparam', undefined],
      ['q', '0.33'],
    ]);
    const route = uriOf(m.values(HeaderId.Route)[0]?.slice(1, -1) ?? '');
    assert.deepStrictEqual(route.params, [
      ['lr', undefined],
      ['unknownwith', 'value'],
      ['unknown-no-value', undefined],
    ]);
    assert.ok(!m.topVia.branch.startsWith('z9hG4bK'));
  },
  'intmeth'(m) {
    assert.strictEqual(m.method, "!interesting-Method0123456789_*+`.%indeed'~");
    assert.ok(!isKnownMethod(m.method));
    assert.strictEqual(displayText(m.to), 'BEL:\x07 NUL:\x00 DEL:\x7f');
    assert.strictEqual(
      findParam(m.from.params, "fromparam''~+*_!.-%"),
      `"${Buffer.from('работающий').toString('latin1')}"`,
    );
    assert.strictEqual(m.fromTag, "_token~1'+`*%!-.");
    assert.strictEqual(m.callId, 'intmeth.word%ZK-!.*_+\'@word`~)(><:\\/"][?}{');
    assert.strictEqual(m.uri?.user, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
    assert.strictEqual(m.uri?.password, "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)");
    assert.strictEqual(m.topVia.branch, "z9hG4bK-.!%66*_+`'~");
  },
  'esc01'(m) {
    assert.ok(m.uri);
    assert.deepStrictEqual([unescapeUri(m.uri.user), m.uri.host], ['sips:user@example.com', 'example.net']);
    assert.strictEqual(unescapeUri(uriOf(m.to.uri).user), 'user');
    assert.strictEqual(unescapeUri(uriOf(m.from.uri).user), 'I have spaces');
    const uri = uriOf(contact(m).uri);
    assert.strictEqual(unescapeUri(uri.user), 'caller');
    assert.deepStrictEqual([uriParam(uri, 'lr'), uriParam(uri, 'name')], ['', 'value%41']);
    assert.ok(
      forwarded(m).toString('latin1').startsWith('INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0\r\n'),
    );
  },
  'escnull'(m) {
    assert.strictEqual(unescapeUri(uriOf(m.to.uri).user), 'null-\x00-null');
    assert.strictEqual(aorOf(uriOf(m.to.uri)), 'sip:null-%00-null@example.com');
    assert.deepStrictEqual(
      [0, 1].map((i) => unescapeUri(uriOf(contact(m, i).uri).user)),
      ['\x00', '\x00\x00'],
    );
    assert.notStrictEqual(aorOf(uriOf(contact(m, 0).uri)), aorOf(uriOf(contact(m, 1).uri)));
  },
  'esc02'(m) {
    assert.strictEqual(m.method, 'RE%47IST%45R');
    assert.ok(!isKnownMethod(m.method));
    assert.deepStrictEqual([displayText(m.from), displayText(m.to)], ['%Z%45', '%Z%45']);
    assert.strictEqual(m.contacts.length, 2);
    assert.deepStrictEqual(m.lines('C%6Fntact'), ['<sip:alias2@host2.example.com>']);
    assert.strictEqual(m.topVia.branch, 'z9hG4bK209%fzsnel234');
  },
  'lwsdisp'(m) {
    assert.deepStrictEqual(m.from, { displayName: 'caller', uri: 'sip:caller@example.com', params: [['tag', '323']] });
  },
  'longreq'(m) {
    const all = m.values(HeaderId.Via);
    assert.strictEqual(all.length, 34);
    assert.deepStrictEqual(
      vias(m).slice(0, 33),
      Array.from({ length: 33 }, (_, i) => `TCP sip${33 - i}.example.com `),
    );
    assert.strictEqual(parseVia(all[33] ?? '')?.branch.length, 215);
    assert.deepStrictEqual([m.fromTag.length, m.callId.length, m.body.length], [155, 141, 150]);
  },
  'dblreq'(m) {
    assert.strictEqual(m.callId, 'dblreq.0ha0isndaksdj99sdfafnl3lk233412');
    assert.strictEqual(m.bytes.length, 750 - 450);
    assert.ok(!forwarded(m).includes('INVITE'));
  },
  'semiuri'(m) {
    assert.ok(m.uri);
    assert.deepStrictEqual(
      [unescapeUri(m.uri.user), m.uri.host, m.uri.params],
      ['user;par=u@example.net', 'example.com', []],
    );
    assert.strictEqual(m.values(HeaderId.Accept).length, 6);
  },
  'transports'(m) {
    assert.deepStrictEqual(
      vias(m).map((via) => via.split(' ')[0]),
      ['UDP', 'SCTP', 'TLS', 'UNKNOWN', 'TCP'],
    );
    assert.strictEqual(m.topVia.transport, 'UDP');
  },
  'mpart01'(m) {
    assert.strictEqual(m.body.length, 553);
    assert.ok(m.body.includes(0));
    assert.ok(m.header(HeaderId.ContentType)?.endsWith('boundary=7a9cbec02ceef655'));
    assert.ok(forwarded(m).subarray(-553).equals(m.body));
    assert.strictEqual(m.topVia.rport, 0);
  },
  'unreason'(m) {
    assert.strictEqual(m.status, 200);
    assert.strictEqual(Buffer.from(m.reason, 'latin1').toString(), '= 2**3 * 5**2 но сто девяносто девять - простое');
  },
  'noreason'(m) {
    assert.deepStrictEqual([m.status, m.reason], [100, '']);
  },
  'baddate'(m) {
    assert.strictEqual(m.header(HeaderId.Date), 'Fri, 01 Jan 2010 16:00:00 EST');
  },
  'unkscm'(m) {
    assert.deepStrictEqual([m.uri, m.requestUri], [undefined, 'nobodyKnowsThisScheme:totallyopaquecontent']);
  },
  'novelsc'(m) {
    assert.deepStrictEqual([m.uri, m.requestUri], [undefined, 'soap.beep://192.0.2.103:3002']);
  },
  'unksm2'(m) {
    assert.deepStrictEqual(
      [m.to.uri, m.from.uri, contact(m).uri],
      ['isbn:2983792873', 'http://www.example.com', 'name:John_Smith'],
    );
    assert.deepStrictEqual([m.fromTag, parseUri(m.to.uri)], ['3234233', undefined]);
  },
  'bext01'(m) {
    assert.deepStrictEqual(m.values(HeaderId.Require), ['nothingSupportsThis', 'nothingSupportsThisEither']);
    assert.deepStrictEqual(m.values(HeaderId.ProxyRequire), ['noProxiesSupportThis', 'norDoAnyProxiesSupportThis']);
  },
  'invut'(m) {
    assert.deepStrictEqual([m.header(HeaderId.ContentType), m.body.length], ['application/unknownformat', 40]);
  },
  'regaut01'(m) {
    assert.strictEqual(m.header(HeaderId.Authorization), 'NoOneKnowsThisScheme opaque-data=here');
  },
  'bcast'(m) {
    assert.strictEqual(parseVia(m.values(HeaderId.Via)[1] ?? '')?.host, '255.255.255.255');
  },
  'zeromf'(m) {
    assert.strictEqual(m.maxForwards, 0);
  },
  'cparam01'(m) {
    assert.deepStrictEqual(contact(m), {
      displayName: '',
      uri: 'sip:+19725552222@gw1.example.net',
      params: [['unknownparam', undefined]],
    });
  },
  'cparam02'(m) {
    assert.deepStrictEqual(contact(m), {
      displayName: '',
      uri: 'sip:+19725552222@gw1.example.net;unknownparam',
      params: [],
    });
  },
  'regescrt'(m) {
    assert.strictEqual(contact(m).uri, 'sip:user@example.com?Route=%3Csip:sip.example.com%3E');
    assert.deepStrictEqual(uriOf(contact(m).uri).headers, [['Route', '%3Csip:sip.example.com%3E']]);
    assert.ok(!m.has(HeaderId.Route));
  },
  'sdp01'(m) {
    assert.strictEqual(m.header(HeaderId.Accept), 'text/nobodyKnowsThis');
  },
  'inv2543'(m) {
    assert.deepStrictEqual([m.topVia.branch, m.fromTag, m.toTag, m.maxForwards, m.body.length], ['', '', '', -1, 105]);
    assert.ok(forwarded(m).includes('Max-Forwards: 10\r\n'));
    assert.ok(response(m, 404, { toTag: 'x' }).includes('404 Not Found'));
  },
  'ipv6-good'(m) {
    assert.strictEqual(m.uri?.host, '2001:db8::10');
    assert.deepStrictEqual([m.topVia.host, uriOf(contact(m).uri).host], ['2001:db8::9:1', '2001:db8::1']);
  },
  'port-ambiguous'(m) {
    assert.deepStrictEqual([m.uri?.host, m.uri?.port], ['2001:db8::10:5070', 0]);
  },
  'port-unambiguous'(m) {
    assert.deepStrictEqual([m.uri?.host, m.uri?.port], ['2001:db8::10', 5070]);
  },
  'via-received-param-with-delim'(m) {
    assert.strictEqual(m.topVia.received, '2001:db8::9:255');
  },
  'via-received-param-no-delim'(m) {
    assert.strictEqual(m.topVia.received, '2001:db8::9:255');
  },
  'ipv6-in-sdp'(m) {
    assert.ok(m.body.includes('c=IN IP6 2001:db8::20\r\n'));
    assert.ok(m.body.includes('IN IP6 2001:db8::20\r\n'));
  },
  'mult-ip-in-header'(m) {
    assert.deepStrictEqual(vias(m), [
      'UDP 2001:db8::9:1 z9hG4bKas3-111',
      'UDP 192.0.2.1 z9hG4bKjhja8781hjuaij65144',
      'TCP 2001:db8::9:255 z9hG4bK451jj',
    ]);
  },
  'mult-ip-in-sdp'(m) {
    const body = m.body.toString('latin1');
    assert.ok(
      body.indexOf('c=IN IP4 192.0.2.1') > body.indexOf('m=audio') &&
        body.indexOf('c=IN IP6 2001:db8::1') > body.indexOf('m=video'),
    );
  },
  'ipv4-mapped-ipv6'(m) {
    assert.deepStrictEqual(
      [m.topVia.host, m.topVia.port, uriOf(contact(m).uri).host],
      ['::ffff:192.0.2.10', 19_823, '::ffff:192.0.2.2'],
    );
    assert.ok(m.body.includes('c=IN IP6 ::ffff:192.0.2.2\r\n'));
  },
  'ipv6-bug-abnf-3-colons'(m) {
    assert.deepStrictEqual([m.uri?.host, uriOf(m.to.uri).host], ['2001:db8::192.0.2.1', '2001:db8::192.0.2.1']);
    assert.ok(forwarded(m).toString('latin1').startsWith('OPTIONS sip:user@[2001:db8:::192.0.2.1] SIP/2.0\r\n'));
  },
  'ipv6-correct-abnf-2-colons'(m) {
    assert.strictEqual(m.uri?.host, '2001:db8::192.0.2.1');
  },
};

const source = { address: '203.0.113.9', port: 5077 };

/** What is wrong, and what the refusal must and must not say. */
const refused: Readonly<Record<string, [code: string, check?: (f: ParseFailure, answer: string) => void]>> = {
  'badinv01': ['via', (_, answer) => assert.ok(answer.includes('Via: SIP/2.0/UDP 192.0.2.15;;,;,,\r\n'))],
  'clerr': ['body-short'],
  'ncl': ['content-length'],
  'ncl-five': ['content-length'],
  'scalar02': ['cseq'],
  'scalarlg': ['cseq'],
  'quotbal': ['to', (_, answer) => assert.ok(answer.includes('To: "Mr. J. User <sip:j.user@example.com>\r\n'))],
  'ltgtruri': ['request-uri'],
  'lwsruri': ['start-line'],
  'lwsstart': ['start-line'],
  'trws': ['start-line'],
  'escruri': ['request-uri'],
  'regbadct': ['contact'],
  'badaspec': ['to'],
  'baddn': ['head-unfinished'],
  'baddn-terminated': ['from'],
  'badvers': [
    'version',
    (_, answer) => {
      assert.ok(answer.startsWith('SIP/2.0 505 Version Not Supported\r\n'));
      assert.ok(answer.includes('Via: SIP/7.0/UDP c.example.com;branch=z9hG4bKkdjuw\r\n'));
    },
  ],
  'mismatch01': ['cseq-method'],
  'mismatch02': ['unknown-method', (f) => assert.strictEqual(f.partial.method, 'NEWMETHOD')],
  'bigcode': ['status-line'],
  'noreason-nosp': ['status-line'],
  'badbranch': ['branch'],
  'insuf': [
    'missing-header',
    (f, answer) => {
      assert.deepStrictEqual([f.partial.callId, f.partial.from, f.partial.to], [undefined, undefined, undefined]);
      assert.deepStrictEqual(answer.split('\r\n'), [
        'SIP/2.0 400 Missing Header Field',
        'Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf;received=203.0.113.9',
        'CSeq: 193942 INVITE',
        'Content-Length: 0',
        '',
        '',
      ]);
    },
  ],
  'multi01': [
    'repeated-header',
    (_, answer) => {
      assert.strictEqual(answer.match(/;tag=/g)?.length, 2, 'one From tag, one To tag');
      assert.strictEqual(answer.match(/^(To|From|Call-ID|CSeq):/gm)?.length, 4);
    },
  ],
  'mcl01': ['content-length'],
  'test': ['header-name'],
  'ipv6-bad': ['request-uri'],
};

for (const { name, bytes, octets, ours, kind, method } of torture) {
  test(`${name}: ${ours.outcome}`, () => {
    if (octets !== undefined) assert.strictEqual(bytes.length, octets, 'the file is not the octets of the RFC');
    const before = Buffer.from(bytes);
    const result = parse(bytes, false);
    assert.ok(bytes.equals(before), 'parsing writes nothing');
    const check = accepted[name];
    const refusal = refused[name];
    assert.ok((check === undefined) !== (refusal === undefined), 'each message has its assertions');
    if (isFailure(result)) {
      assert.ok(refusal, `${name} must parse, but: ${result.failure}`);
      assert.strictEqual(result.failure, refusal[0]);
      const answer = failureResponse(result, source);
      if (ours.outcome === 'drop') assert.strictEqual(answer, undefined);
      else {
        assert.ok(ours.any_of?.includes(result.status), `${result.status}`);
        assert.ok(answer !== undefined && answer.length <= bytes.length * 3);
        refusal[1]?.(result, answer.toString('latin1'));
      }
      return;
    }
    assert.ok(check, `${name} must be refused`);
    if (ours.outcome === 'reject') assert.ok(refusedByRouting.has(name) || ours.any_of?.includes(403), name);
    if (ours.outcome === 'drop') assert.ok(droppedByMatching.has(name));
    assert.strictEqual(result.isRequest, kind !== 'response');
    if (method !== null && method !== undefined) assert.strictEqual(result.method, method);
    assert.ok(new Splice(result).toBuffer().equals(result.bytes));
    check(result);
  });
}

test('on a stream the same octets frame as they should', () => {
  const outcomes = new Map<string, string>();
  for (const { name, bytes } of torture) {
    const framer = new StreamFramer();
    framer.push(bytes, 1000);
    const seen: string[] = [];
    for (let out = framer.next(); out !== undefined; out = framer.next()) {
      if (isPong(out)) seen.push('pong');
      else if (isFrameFailure(out)) seen.push(`broken ${out.broken.failure}`);
      else {
        const message = parse(out, true);
        seen.push(isFailure(message) ? `refused ${message.failure}` : message.method);
      }
    }
    if (framer.deadlineMs > 0) seen.push('waiting');
    outcomes.set(name, seen.join(', '));
  }
  const of = (name: string): string | undefined => outcomes.get(name);
  // RFC 4475 3.1.1.8: on a stream these are two messages.
  assert.ok(of('dblreq')?.startsWith('REGISTER, INVITE, '), 'octets follow the second message too');
  assert.strictEqual(of('clerr'), 'waiting');
  assert.strictEqual(of('baddn'), 'waiting');
  for (const name of ['ncl', 'ncl-five', 'mcl01']) assert.strictEqual(of(name), 'broken content-length');
  assert.strictEqual(of('inv2543'), 'broken content-length-missing');
  // These frame: the connection can stay.
  assert.strictEqual(of('scalar02'), 'refused cseq');
  assert.strictEqual(of('badvers'), 'refused version');
});
