/**
 * Broken messages by the hundred thousand: no exception, no hang, and whatever parses keeps its meaning through a writer.
 *
 * Real messages (torture and malformed inputs) are mutated: octets flipped, deleted, doubled, replaced by syntax, chunks
 * of other messages spliced in. One seeded generator drives all of it, so a seed repeats a run; fast-check names the seed.
 * Seen failing with: a bare LF taken for white space; a CSeq without maximum; a question mark in a URI without brackets; a
 * fold that ends a value kept in it; a second To taken; what follows a Via not looked at.
 */
import assert from 'node:assert';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { failureResponse, response } from '../../src/sip/build.ts';
import { StreamFramer, isFrameFailure, isPong } from '../../src/sip/frame.ts';
import { HeaderId, headerFacts } from '../../src/sip/header/names.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { isFailure, parse } from '../../src/sip/parse.ts';
import { Splice } from '../../src/sip/splice.ts';
import { aorOf, formatUri, parseUri } from '../../src/sip/uri.ts';
import { objection } from './oracle.ts';
import { torture } from '../torture/corpus.ts';
import { meaning, write } from '../arbitraries/sip-write.ts';

/** Cases of one fast-check run; each run has a seed of its own. */
const casesPerRun = 1000;
const source = { address: '203.0.113.9', port: 5077 };

const inputs = new URL('../inputs/', import.meta.url);
const corpus: readonly Buffer[] = [
  ...torture.map(({ bytes }) => bytes),
  ...readdirSync(inputs)
    .filter((file) => /^[a-g].*\.sip$/.test(file))
    .map((file) => readFileSync(new URL(file, inputs))),
].filter((bytes) => bytes.length > 0 && bytes.length < 4000);

/** Those that parse: most mutations start from them, so that enough get past the first checks. */
const valid = corpus.filter((bytes) => !isFailure(parse(bytes, false)));

const syntax = [
  '\r\n',
  '\r\n ',
  '\r',
  '\n',
  '\0',
  '"',
  '\\',
  '<',
  '>',
  ',',
  ';',
  ':',
  '=',
  '@',
  '[',
  ']',
  '%',
  '?',
  '\x80',
  '\xff',
  '*',
  'l: 5\r\n',
  'Via: ',
  ';tag=',
  '99999999999',
  '"\\\0" ',
  '"\\"',
  '\\"',
  '\\\0',
];

/** mulberry32: small, seeded, good enough to choose mutations. */
function generator(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function pick<T>(from: readonly T[], random: (below: number) => number): T {
  const one = from[random(from.length)];
  assert.ok(one !== undefined);
  return one;
}

function mutate(bytes: Buffer, random: (below: number) => number): Buffer {
  const at = random(bytes.length + 1);
  const length = random(Math.min(40, bytes.length - at + 1));
  const before = bytes.subarray(0, at);
  const after = bytes.subarray(at + length);
  switch (random(6)) {
    case 0: {
      const flipped = Buffer.from(bytes);
      if (at < flipped.length) flipped[at] = (flipped[at] ?? 0) ^ (1 << random(8));
      return flipped;
    }
    case 1:
      return Buffer.concat([before, after]);
    case 2:
      return Buffer.concat([before, bytes.subarray(at, at + length), bytes.subarray(at, at + length), after]);
    case 3:
      return Buffer.concat([before, Buffer.from(pick(syntax, random), 'latin1'), bytes.subarray(at)]);
    case 4:
      return Buffer.concat([before, Buffer.from(pick(syntax, random), 'latin1'), after]);
    default: {
      const other = pick(corpus, random);
      const from = random(other.length);
      return Buffer.concat([before, other.subarray(from, from + random(120)), after]);
    }
  }
}

function fuzzed(random: (below: number) => number): Buffer {
  if (random(20) === 0) return Buffer.from(Array.from({ length: random(200) }, () => random(256)));
  let bytes = pick(random(4) === 0 ? corpus : valid, random);
  for (let i = 1 + random(3); i > 0; i -= 1) bytes = mutate(bytes, random);
  return bytes;
}

/** Everything that can be read of a message is read. */
function readAll(message: SipMessage): void {
  for (const { id, name } of headerFacts) {
    assert.strictEqual(message.header(id) !== undefined, message.has(id));
    if (id !== HeaderId.Unknown) assert.strictEqual(message.lines(name).length > 0, message.has(id));
  }
  for (const text of [message.requestUri, message.from.uri, message.to.uri]) {
    const uri = parseUri(text);
    if (uri === undefined) continue;
    assert.deepStrictEqual(parseUri(formatUri(uri)), uri);
    assert.strictEqual(aorOf(parseUri(aorOf(uri)) ?? uri), aorOf(uri));
  }
  message.describe();
}

function checkDatagram(bytes: Buffer, thorough: boolean): boolean {
  const parsed = parse(bytes, false);
  if (isFailure(parsed)) {
    const answer = failureResponse(parsed, source);
    if (answer !== undefined) {
      assert.ok(!answer.includes('\0'));
      assert.strictEqual(answer.indexOf('\r\n\r\n'), answer.length - 4, 'no second message in the answer');
    }
    return false;
  }
  assert.ok(new Splice(parsed).toBuffer().equals(parsed.bytes));
  assert.strictEqual(parsed.head.length + parsed.body.length, parsed.bytes.length);
  assert.strictEqual(objection(parsed.bytes), undefined);
  if (!thorough) return true;
  readAll(parsed);
  const again = parse(write(parsed), false);
  if (isFailure(again)) assert.fail(`${again.failure} after writing`);
  assert.deepStrictEqual(meaning(again), meaning(parsed));
  if (parsed.isRequest) {
    const marked = parse(
      new Splice(parsed)
        .markTopVia(source.address, source.port)
        .popRoute(1)
        .pushVia('SIP/2.0/UDP x;branch=z9hG4bKy')
        .toBuffer(),
      false,
    );
    if (isFailure(marked)) assert.fail(`${marked.failure} after an edit`);
    assert.deepStrictEqual(marked.values(HeaderId.Route), parsed.values(HeaderId.Route).slice(1));
    const answer = parse(response(parsed, 404, { toTag: 'x', received: source }), true);
    if (isFailure(answer)) assert.fail(`${answer.failure} in our own response`);
    assert.deepStrictEqual([answer.callId, answer.cseq, answer.fromTag], [parsed.callId, parsed.cseq, parsed.fromTag]);
  }
  return true;
}

/** Random cuts; whatever comes out parses or is refused, and the framer ends in a bounded number of steps. */
function checkStream(bytes: Buffer, random: (below: number) => number): void {
  const framer = new StreamFramer();
  let steps = 0;
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + 1 + random(200));
    framer.push(bytes.subarray(at, end), at);
    at = end;
    for (let out = framer.next(); out !== undefined; out = framer.next()) {
      steps += 1;
      assert.ok(steps <= bytes.length);
      if (isPong(out)) continue;
      if (isFrameFailure(out)) {
        failureResponse(out.broken, source);
        continue;
      }
      const parsed = parse(out, true);
      if (!isFailure(parsed)) assert.strictEqual(parsed.bytes.length, out.length, 'parser and framer agree on the end');
    }
  }
}

test('mutated messages: no exception, no hang, no change of meaning', { timeout: 60_000 }, (context) => {
  let cases = 0;
  let accepted = 0;
  let slowestMs = 0;
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = generator(seed);
      for (let i = 0; i < casesPerRun; i += 1) {
        const bytes = fuzzed(random);
        const before = performance.now();
        if (checkDatagram(bytes, i % 2 === 0)) accepted += 1;
        if (i % 2 === 1) checkStream(bytes, random);
        slowestMs = Math.max(slowestMs, performance.now() - before);
        cases += 1;
      }
    }),
    { numRuns: 210, endOnFailure: true },
  );
  context.diagnostic(`${cases} cases, ${accepted} of them accepted, slowest ${slowestMs.toFixed(1)} ms`);
  assert.ok(cases >= 200_000);
  assert.ok(accepted > cases / 20, 'enough of them must get past the parser');
});
