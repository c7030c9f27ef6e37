/**
 * Splice: what no edit touches leaves octet for octet. Seen failing with: a popped Via value leaving its comma behind; an
 * edit inside a removed line carried out; `received` appended behind the next value of the line.
 */
import assert from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { HeaderId, headerFacts, headerName } from '../../src/sip/header/names.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { isFailure, parse } from '../../src/sip/parse.ts';
import { Splice } from '../../src/sip/splice.ts';
import { message } from '../arbitraries/sip.ts';
import { meaning } from '../arbitraries/sip-write.ts';

function parsed(bytes: Buffer | string): SipMessage {
  const result = parse(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, false);
  if (isFailure(result)) throw new Error(`${result.failure} in ${JSON.stringify(bytes.toString('latin1'))}`);
  return result;
}

/** The lines of a head, folds kept within their line. */
function lines(bytes: Buffer): string[] {
  const text = bytes.toString('latin1');
  return text.slice(0, text.indexOf('\r\n\r\n')).split(/\r\n(?![ \t])/);
}

/** The lines that are no longer there, and those that are new. */
function changed(before: Buffer, after: Buffer): { gone: string[]; added: string[] } {
  const gone = lines(before);
  const added: string[] = [];
  for (const text of lines(after)) {
    const at = gone.indexOf(text);
    if (at < 0) added.push(text);
    else gone.splice(at, 1);
  }
  return { gone, added };
}

const anyMessage = message.map(({ bytes }) => parsed(bytes));
const request = anyMessage.filter((sip) => sip.isRequest);

test('no edit: the same octets', () => {
  fc.assert(
    fc.property(anyMessage, (sip) => assert.ok(new Splice(sip).toBuffer().equals(sip.bytes))),
    { numRuns: 500 },
  );
});

test('requestUri changes the start line alone', () => {
  fc.assert(
    fc.property(request, (sip) => {
      const after = new Splice(sip).requestUri('sip:new@192.0.2.1').toBuffer();
      assert.strictEqual(
        after.toString('latin1'),
        sip.bytes.toString('latin1').replace(` ${sip.requestUri} `, () => ' sip:new@192.0.2.1 '),
      );
    }),
    { numRuns: 300 },
  );
});

test('pushVia then popVia is no edit; the pushed value is on top in between', () => {
  fc.assert(
    fc.property(anyMessage, (sip) => {
      const pushed = parsed(new Splice(sip).pushVia('SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKown').toBuffer());
      assert.strictEqual(pushed.topVia.branch, 'z9hG4bKown');
      assert.deepStrictEqual(pushed.values(HeaderId.Via).slice(1), sip.values(HeaderId.Via));
      assert.ok(new Splice(pushed).popVia().toBuffer().equals(sip.bytes));
    }),
    { numRuns: 500 },
  );
});

test('popVia takes one value off and leaves all other lines alone', () => {
  fc.assert(
    fc.property(anyMessage, fc.integer({ min: 1, max: 3 }), (sip, count) => {
      const vias = sip.values(HeaderId.Via);
      if (vias.length <= count) return;
      const splice = new Splice(sip);
      for (let i = 0; i < count; i += 1) splice.popVia();
      const after = parsed(splice.toBuffer());
      assert.deepStrictEqual(after.values(HeaderId.Via), vias.slice(count));
      const isVia = (text: string): boolean => /^(v|via)[ \t]*:/i.test(text);
      assert.deepStrictEqual(
        lines(after.bytes).filter((text) => !isVia(text)),
        lines(sip.bytes).filter((text) => !isVia(text)),
      );
      assert.ok(after.body.equals(sip.body));
    }),
    { numRuns: 500 },
  );
});

test('popRoute and popLastRoute against a plain array', () => {
  fc.assert(
    fc.property(anyMessage, fc.nat(3), fc.nat(2), (sip, first, last) => {
      const splice = new Splice(sip).popRoute(first);
      for (let i = 0; i < last; i += 1) splice.popLastRoute();
      const after = parsed(splice.toBuffer());
      const routes = sip.values(HeaderId.Route);
      assert.deepStrictEqual(after.values(HeaderId.Route), routes.slice(first, Math.max(first, routes.length - last)));
      const { gone, added } = changed(sip.bytes, after.bytes);
      for (const text of [...gone, ...added]) assert.match(text, /^route[ \t]*:/i);
    }),
    { numRuns: 800 },
  );
});

test('markTopVia tells where the request came from, whatever the client claimed (RFC 3261 18.2.1, RFC 3581)', () => {
  fc.assert(
    fc.property(request, fc.constantFrom('203.0.113.7', '2001:db8::7'), (sip, address) => {
      const after = parsed(new Splice(sip).markTopVia(address, 4711).toBuffer());
      const top = after.topVia;
      assert.strictEqual(top.branch, sip.topVia.branch);
      assert.strictEqual(top.host, sip.topVia.host);
      assert.strictEqual(top.received ?? top.host, address);
      assert.strictEqual(top.rport, sip.topVia.rport === undefined ? undefined : 4711);
      assert.deepStrictEqual(after.values(HeaderId.Via).slice(1), sip.values(HeaderId.Via).slice(1));
      assert.ok(changed(sip.bytes, after.bytes).added.length <= 1);
    }),
    { numRuns: 800 },
  );
});

test('maxForwards, push, remove and append change their own lines', () => {
  const id = fc.constantFrom(HeaderId.Route, HeaderId.RecordRoute, HeaderId.Supported, HeaderId.Path, HeaderId.Contact);
  fc.assert(
    fc.property(anyMessage, id, fc.nat(70), (sip, header, hops) => {
      const after = parsed(
        new Splice(sip).push(header, '<sip:one@192.0.2.1;lr>').maxForwards(hops).append('X-Last', 'z').toBuffer(),
      );
      assert.strictEqual(after.maxForwards, hops);
      assert.deepStrictEqual(after.values(header), ['<sip:one@192.0.2.1;lr>', ...sip.values(header)]);
      assert.strictEqual(lines(after.bytes).at(-1), 'X-Last: z');
      const { gone, added } = changed(sip.bytes, after.bytes);
      for (const text of gone) assert.match(text, /^max-forwards[ \t]*:/i);
      assert.ok(added.length <= 3);
      const without = parsed(new Splice(after).remove(header).remove(HeaderId.MaxForwards).toBuffer());
      assert.deepStrictEqual([without.has(header), without.maxForwards], [false, -1]);
    }),
    { numRuns: 800 },
  );
});

test('edits of what is removed are void, and nothing else suffers', () => {
  fc.assert(
    fc.property(request, (sip) => {
      const splice = new Splice(sip).maxForwards(7).remove(HeaderId.MaxForwards).popVia().markTopVia('203.0.113.7', 1);
      const expected = new Splice(sip).remove(HeaderId.MaxForwards).popVia().toBuffer();
      if (sip.values(HeaderId.Via).length < 2 || !sip.has(HeaderId.MaxForwards)) return;
      assert.deepStrictEqual(meaning(parsed(splice.toBuffer())), meaning(parsed(expected)));
    }),
    { numRuns: 500 },
  );
});

const base = [
  'INVITE sip:b@example.com SIP/2.0',
  'Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa',
  'From: <sip:a@example.com>;tag=1',
  'To: <sip:b@example.com>',
  'Call-ID: c',
  'CSeq: 1 INVITE',
];

function withLines(...extra: string[]): SipMessage {
  return parsed([...base, ...extra, '', 'body'].join('\r\n'));
}

test('strict-route repair: the Request-URI goes to the end of the route set and comes back (RFC 3261 16.4, 16.6)', () => {
  const sip = withLines('Route: <sip:p1>, <sip:p2;lr>', 'Subject: s');
  const out = parsed(new Splice(sip).requestUri('sip:p1').popRoute(1).pushLastRoute('<sip:b@example.com>').toBuffer());
  assert.deepStrictEqual(
    [out.requestUri, out.values(HeaderId.Route)],
    ['sip:p1', ['<sip:p2;lr>', '<sip:b@example.com>']],
  );
  const back = parsed(new Splice(out).requestUri('sip:b@example.com').popLastRoute().toBuffer());
  assert.deepStrictEqual([back.requestUri, back.values(HeaderId.Route)], ['sip:b@example.com', ['<sip:p2;lr>']]);
});

test('a message from a datagram gets a Content-Length before it goes to a stream', () => {
  const sip = withLines('Subject: s');
  const out = new Splice(sip).ensureContentLength().toBuffer();
  assert.ok(!isFailure(parse(out, true)));
  assert.ok(new Splice(parsed(out)).ensureContentLength().toBuffer().equals(out));
});

test('a value with CR or LF cannot start a line of its own', () => {
  const sip = withLines();
  const out = parsed(
    new Splice(sip).push(HeaderId.Subject, 'x\r\nRoute: <sip:evil>').append('X-A', 'y\nVia: z').toBuffer(),
  );
  assert.deepStrictEqual([out.has(HeaderId.Route), out.values(HeaderId.Via).length], [false, 1]);
});

test('toBuffer twice gives the same', () => {
  const splice = new Splice(withLines('Route: <sip:p1>')).popVia().popRoute(1).append('X', 'y');
  assert.ok(splice.toBuffer().equals(splice.toBuffer()));
});

test('names of pushed lines are the full names', () => {
  for (const { id, name } of headerFacts) if (name !== '') assert.strictEqual(headerName(id), name);
});
