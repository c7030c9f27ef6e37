/** Every limit of a message, just below and just above. */
import assert from 'node:assert';
import { test } from 'node:test';
import { limits } from '../../src/limits.ts';
import type { Parts } from './requests.ts';
import { outcome, text } from './requests.ts';

/** Just below the limit and just above it. */
function edge(name: string, below: string | Buffer | Parts, above: string | Buffer | Parts, expected: string): void {
  assert.strictEqual(outcome(below), 'ok', `${name}: just below`);
  assert.strictEqual(outcome(above), expected, `${name}: just above`);
}

function repeat(count: number, line: (i: number) => string): string[] {
  return Array.from({ length: count }, (_, i) => line(i));
}

test('limits: just below and just above', () => {
  const a = (length: number): string => 'a'.repeat(length);
  const uri = (length: number): string => `OPTIONS sip:${a(length - 16)}@example.com SIP/2.0`;
  edge('uriBytesMax', { start: uri(limits.uriBytesMax) }, { start: uri(limits.uriBytesMax + 1) }, '414 uri-too-long');
  const method = (length: number): Parts => ({ start: `${a(length)} sip:b SIP/2.0`, cseq: `1 ${a(length)}` });
  edge('methodBytesMax', method(limits.methodBytesMax), method(limits.methodBytesMax + 1), '400 method-too-long');
  const name = (length: number): Parts => ({ more: [`${a(length)}: x`] });
  edge('headerNameBytesMax', name(limits.headerNameBytesMax), name(limits.headerNameBytesMax + 1), '400 header-name');
  const value = (length: number): Parts => ({ more: [`X: ${a(length)}`] });
  edge(
    'headerValueBytesMax',
    value(limits.headerValueBytesMax),
    value(limits.headerValueBytesMax + 1),
    '400 value-too-long',
  );
  const folded = (length: number): Parts => ({ more: [`X: ${a(100)}   \r\n    ${a(length - 101)}`] });
  edge(
    'headerValueBytesMax unfolded',
    folded(limits.headerValueBytesMax),
    folded(limits.headerValueBytesMax + 1),
    '400 value-too-long',
  );
  const lines = (count: number): Parts => ({ more: repeat(count - 5, (i) => `X${i}: y`) });
  edge('headerLinesMax', lines(limits.headerLinesMax), lines(limits.headerLinesMax + 1), '400 header-count');
  const head = (length: number): string => {
    const fill = length - text({}).length;
    return text({
      more: [...repeat(Math.floor(fill / 1000) - 1, () => `Pad: ${a(993)}`), `Pad: ${a(1000 + (fill % 1000) - 7)}`],
    });
  };
  assert.strictEqual(head(limits.headBytesMax).length, limits.headBytesMax);
  edge('headBytesMax', head(limits.headBytesMax), head(limits.headBytesMax + 1), '513 head-too-large');
  const tag = (length: number): Parts => ({ to: `<sip:b@c>;tag=${a(length)}` });
  edge('tagBytesMax', tag(limits.tagBytesMax), tag(limits.tagBytesMax + 1), '400 tag');
  const branch = (length: number): Parts => ({ via: `SIP/2.0/UDP a;branch=${a(length)}` });
  edge('branchBytesMax', branch(limits.branchBytesMax), branch(limits.branchBytesMax + 1), '400 branch');
  edge('callIdBytesMax', { callId: a(limits.callIdBytesMax) }, { callId: a(limits.callIdBytesMax + 1) }, '400 call-id');
  const vias = (count: number): Parts => ({ more: repeat(count - 1, () => 'v: SIP/2.0/UDP b') });
  edge('viaValuesMax', vias(limits.viaValuesMax), vias(limits.viaValuesMax + 1), '400 via-count');
  const joined = (count: number): Parts => ({ via: repeat(count, () => 'SIP/2.0/UDP b').join(', ') });
  edge('viaValuesMax, one line', joined(limits.viaValuesMax), joined(limits.viaValuesMax + 1), '400 via-count');
  const route =
    (header: string) =>
    (count: number): Parts => ({ more: [`${header}: ${repeat(count, () => '<sip:p;lr>').join(',')}`] });
  edge(
    'routeValuesMax',
    route('Route')(limits.routeValuesMax),
    route('Route')(limits.routeValuesMax + 1),
    '400 route-count',
  );
  const recorded = route('Record-Route');
  edge(
    'recordRouteValuesMax',
    recorded(limits.recordRouteValuesMax),
    recorded(limits.recordRouteValuesMax + 1),
    '400 record-route-count',
  );
  const params = (count: number): Parts => ({ to: `<sip:b@c>${repeat(count, (i) => `;p${i}`).join('')}` });
  edge('paramsPerValueMax', params(limits.paramsPerValueMax), params(limits.paramsPerValueMax + 1), '400 to');
  const register = { start: 'REGISTER sip:example.com SIP/2.0', cseq: '1 REGISTER' };
  const contacts = (count: number): Parts => ({ ...register, more: repeat(count, () => 'm: <sip:b@c>') });
  edge(
    'contactsPerRegisterMax',
    contacts(limits.contactsPerRegisterMax),
    contacts(limits.contactsPerRegisterMax + 1),
    '400 contact-count',
  );
  const credentials = (count: number): Parts => ({ more: repeat(count, () => 'Authorization: Digest x') });
  edge(
    'authorizationValuesMax',
    credentials(limits.authorizationValuesMax),
    credentials(limits.authorizationValuesMax + 1),
    '400 authorization-count',
  );
  edge('cseqMax', { cseq: `${limits.cseqMax} OPTIONS` }, { cseq: `${limits.cseqMax + 1} OPTIONS` }, '400 cseq');
  const digits = (count: number): Parts => ({ more: [`Content-Length: ${'0'.repeat(count)}`] });
  edge(
    'contentLengthDigitsMax',
    digits(limits.contentLengthDigitsMax),
    digits(limits.contentLengthDigitsMax + 1),
    '400 content-length',
  );
});

test('bodyBytesMax', () => {
  const body = (length: number): Buffer =>
    Buffer.concat([Buffer.from(text({ more: [`Content-Length: ${length}`] })), Buffer.alloc(length)]);
  assert.strictEqual(outcome(body(limits.bodyBytesMax), true), 'ok');
  assert.strictEqual(outcome(body(limits.bodyBytesMax + 1), true), '513 body-too-large');
});
