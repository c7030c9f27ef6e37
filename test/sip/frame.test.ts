/**
 * Framing: the same octets give the same messages however they are cut. Seen failing with: the search for the empty line
 * starting again behind the last CR; the half keep-alive forgotten between chunks; the body deadline reset by each chunk.
 */
import assert from 'node:assert';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../../src/limits.ts';
import { StreamFramer, isFrameFailure, isPong } from '../../src/sip/frame.ts';
import { isFailure, parse } from '../../src/sip/parse.ts';
import { message } from '../arbitraries/sip.ts';

/** Everything the framer gives for chunks; what is over is named by its number of octets. */
function frames(chunks: readonly Buffer[]): string[] {
  const framer = new StreamFramer();
  const seen: string[] = [];
  let pings = 0;
  chunks.forEach((chunk, i) => {
    framer.push(chunk, i);
    for (let out = framer.next(); out !== undefined; out = framer.next()) {
      if (isPong(out)) pings += out.pong;
      else if (isFrameFailure(out)) seen.push(`broken: ${out.broken.failure}`);
      else seen.push(out.toString('latin1'));
    }
  });
  return [...seen, `${pings} pings`, `${framer.heldBytes} held`];
}

function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [0, ...cuts.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  // Each chunk is a copy of its own, as from a socket.
  return at.slice(1).map((end, i) => Buffer.from(bytes.subarray(at[i] ?? 0, end)));
}

const keepAlive = fc.constantFrom('', '', '\r\n', '\r\n\r\n', '\r\n\r\n\r\n\r\n\r\n');
const stream = fc.array(fc.tuple(keepAlive, message), { minLength: 1, maxLength: 4 }).map((parts) => ({
  bytes: Buffer.concat(parts.flatMap(([pings, { bytes }]) => [Buffer.from(pings), bytes])),
  messages: parts.map(([, { bytes }]) => bytes.toString('latin1')),
  pings: parts.reduce((sum, [text]) => sum + Math.floor(text.length / 4), 0),
}));

test('chunks make no difference', () => {
  fc.assert(
    fc.property(stream, fc.array(fc.nat(), { maxLength: 20 }), ({ bytes, messages, pings }, cuts) => {
      assert.deepStrictEqual(frames(cut(bytes, cuts)), [...messages, `${pings} pings`, '0 held']);
    }),
    { numRuns: 600 },
  );
});

test('chunks make no difference for damaged streams either', () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(stream, damage, fc.array(fc.nat(), { maxLength: 20 }), ({ bytes }, changes, cuts) => {
      const damaged = Buffer.from(bytes);
      for (const [at, octet] of changes) damaged[at % damaged.length] = octet;
      const whole = frames([damaged]);
      const parts = frames(cut(damaged, cuts));
      // What a broken stream still held when it broke depends on what had come by then; everything else must agree.
      assert.deepStrictEqual(parts.slice(0, -1), whole.slice(0, -1));
    }),
    { numRuns: 600 },
  );
});

test('one octet at a time', () => {
  fc.assert(
    fc.property(stream, ({ bytes, messages, pings }) => {
      const chunks = Array.from(bytes, (octet) => Buffer.from([octet]));
      assert.deepStrictEqual(frames(chunks), [...messages, `${pings} pings`, '0 held']);
    }),
    { numRuns: 50 },
  );
});

test('messages given out are never written over by later chunks', () => {
  fc.assert(
    fc.property(stream, fc.array(fc.nat(), { maxLength: 20 }), ({ bytes, messages }, cuts) => {
      const framer = new StreamFramer();
      const given: Buffer[] = [];
      for (const chunk of cut(bytes, cuts)) {
        framer.push(chunk, 0);
        for (let out = framer.next(); out !== undefined; out = framer.next()) if (Buffer.isBuffer(out)) given.push(out);
      }
      assert.deepStrictEqual(
        given.map((one) => one.toString('latin1')),
        messages,
      );
    }),
    { numRuns: 200 },
  );
});

const options = [
  'OPTIONS sip:example.com SIP/2.0',
  'Via: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKa',
  'From: <sip:a@example.com>;tag=1',
  'To: <sip:example.com>',
  'Call-ID: c',
  'CSeq: 1 OPTIONS',
];

function request(...extra: string[]): Buffer {
  return Buffer.from([...options, ...extra, '', ''].join('\r\n'), 'latin1');
}

test('the header deadline runs from the first octet and is not moved by later ones', () => {
  const framer = new StreamFramer();
  const bytes = request('Content-Length: 4');
  framer.push(Buffer.from('\r\n'), 500);
  assert.strictEqual(framer.next(), undefined);
  assert.strictEqual(framer.deadlineMs, 0, 'keep-alives start no message');
  framer.push(bytes.subarray(0, 1), 1000);
  framer.next();
  assert.strictEqual(framer.deadlineMs, 1000 + limits.headerDeadlineMs);
  framer.push(bytes.subarray(1, 40), 5000);
  framer.next();
  assert.strictEqual(framer.deadlineMs, 1000 + limits.headerDeadlineMs);
  framer.push(bytes.subarray(40), 6000);
  framer.next();
  assert.strictEqual(framer.deadlineMs, 6000 + limits.bodyDeadlineMs, 'the head is there, the body is awaited');
  framer.push(Buffer.from('ab'), 7000);
  framer.next();
  assert.strictEqual(framer.deadlineMs, 6000 + limits.bodyDeadlineMs);
  framer.push(Buffer.from('cd'), 8000);
  assert.ok(Buffer.isBuffer(framer.next()));
  assert.strictEqual(framer.deadlineMs, 0);
});

function failureOf(bytes: Buffer): string {
  const framer = new StreamFramer();
  framer.push(bytes, 0);
  const out = framer.next();
  if (out === undefined || Buffer.isBuffer(out) || isPong(out)) return 'no failure';
  framer.push(request('Content-Length: 0'), 1);
  assert.strictEqual(framer.next(), undefined, 'a broken stream gives nothing more');
  return out.broken.failure;
}

test('pings before a broken line end are answered however they are cut', () => {
  const bytes = Buffer.from('\r\n\r\n\rOPTIONS');
  for (let at = 0; at <= bytes.length; at += 1) {
    const seen = frames([bytes.subarray(0, at), bytes.subarray(at)].filter((chunk) => chunk.length > 0));
    assert.deepStrictEqual(seen.slice(0, 2), ['broken: line-end', '1 pings'], `cut at ${at}`);
  }
});

test('what breaks a stream', () => {
  assert.strictEqual(failureOf(request()), 'content-length-missing');
  for (const value of [
    '-1',
    '+5',
    '5.0',
    '0x10',
    '1_0',
    '',
    'five',
    '18446744073709551616',
    '00000001',
    '1 2',
    '5,5',
  ]) {
    assert.strictEqual(failureOf(request(`Content-Length: ${value}`)), 'content-length', value);
  }
  assert.strictEqual(failureOf(request('Content-Length: 0', 'l: 0')), 'content-length');
  assert.strictEqual(failureOf(request('L\t:\r\n 5', 'content-length: 0')), 'content-length');
  assert.strictEqual(failureOf(Buffer.from('\rOPTIONS')), 'line-end');
  assert.strictEqual(failureOf(Buffer.from('OPTIONS sip:a SIP/2.0\nVia')), 'line-end');
  assert.strictEqual(failureOf(Buffer.from('\x16\x03\x01\x02\x00')), 'start-line');
  assert.strictEqual(failureOf(Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')), 'content-length-missing');
  assert.strictEqual(failureOf(request('Subject: a\rb', 'Content-Length: 0')), 'line-end');
});

test('limits: just below and just above', () => {
  const pad = (headBytes: number): Buffer => {
    const lines: string[] = [];
    let left = headBytes - request('Content-Length: 0').length;
    for (; left > 2000; left -= 1000) lines.push(`X: ${'a'.repeat(995)}`);
    lines.push(`X: ${'a'.repeat(left - 5)}`);
    return request('Content-Length: 0', ...lines);
  };
  assert.strictEqual(pad(limits.headBytesMax).length, limits.headBytesMax);
  assert.strictEqual(failureOf(pad(limits.headBytesMax)), 'no failure');
  assert.strictEqual(failureOf(pad(limits.headBytesMax + 1)), 'head-too-large');
  assert.strictEqual(failureOf(Buffer.from('A'.repeat(limits.headBytesMax + 1))), 'head-too-large');
  const body = (length: number): Buffer => Buffer.concat([request(`Content-Length: ${length}`), Buffer.alloc(length)]);
  assert.strictEqual(failureOf(body(limits.bodyBytesMax)), 'no failure');
  assert.strictEqual(failureOf(body(limits.bodyBytesMax + 1)), 'body-too-large');
  assert.strictEqual(failureOf(request('Content-Length: 9999999')), 'body-too-large');
  assert.strictEqual(failureOf(request('Content-Length: 10000000')), 'content-length');
});

test('a failure carries enough to answer it', () => {
  const framer = new StreamFramer();
  framer.push(request('Content-Length: -1'), 0);
  const out = framer.next();
  assert.ok(out !== undefined && isFrameFailure(out));
  assert.deepStrictEqual(
    [out.broken.status, out.broken.partial.method, out.broken.partial.via.length],
    [400, 'OPTIONS', 1],
  );
});

test('double CRLFs count as pings even when they come in halves', () => {
  assert.deepStrictEqual(frames(['\r', '\n\r', '\n', '\r\n', '\r\n\r\n'].map((text) => Buffer.from(text))), [
    '2 pings',
    '0 held',
  ]);
});

test('hostile streams cost linear time: 50,000 folds, 20,000 headers, 64 KiB of pings, in small chunks', () => {
  const inputs = new URL('../inputs/', import.meta.url);
  for (const [file, expected] of [
    ['a15-tcp-50000-folds.sip', 'broken: head-too-large'],
    ['a03-tcp-20000-headers.sip', 'broken: head-too-large'],
    ['b40-tcp-64k-crlf.sip', '16384 pings'],
    ['b50-tcp-binary-noise.sip', 'broken: start-line'],
  ] as const) {
    const bytes = readFileSync(new URL(file, inputs));
    const chunks: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += 7) chunks.push(bytes.subarray(at, at + 7));
    const before = performance.now();
    const seen = frames(chunks);
    assert.ok(performance.now() - before < 500, `${file} took ${performance.now() - before} ms`);
    assert.strictEqual(seen[0], expected, file);
  }
});

test('a hundred requests in one write', () => {
  const bytes = readFileSync(new URL('../inputs/b36-tcp-pipeline-100.sip', import.meta.url));
  const framer = new StreamFramer();
  framer.push(bytes, 0);
  let count = 0;
  for (let out = framer.next(); out !== undefined; out = framer.next()) {
    assert.ok(Buffer.isBuffer(out) && !isFailure(parse(out, true)));
    count += 1;
  }
  assert.strictEqual(count, 100);
});
