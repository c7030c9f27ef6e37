/**
 * The framer as a model: octets are appended to a stream and pushed in pieces; what has come in full is given out, in order,
 * and the deadline is that of the message that has begun: from its first octet until its head is there, then from that moment
 * until its body is.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { limits } from '../../src/limits.ts';
import { isPong, StreamFramer } from '../../src/sip/frame.ts';
import { command } from './command.ts';

interface Part {
  /** Octets of the whole, and of its head; a ping has no head. */
  readonly bytes: string;
  readonly head: number;
}

interface Model {
  nowMs: number;
  /** Written and not given out yet, and how much of that was pushed. */
  parts: Part[];
  pushed: number;
  deadlineMs: number;
  hasHead: boolean;
}

type FramerCommand = fc.Command<Model, StreamFramer>;

const write = (body: string): FramerCommand =>
  command(`write a message with ${body.length} octets`, (model) => {
    const head = [
      'OPTIONS sip:b@example.test SIP/2.0',
      'Via: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKa',
      'From: <sip:a@example.test>;tag=1',
      'To: <sip:b@example.test>',
      'Call-ID: c',
      'CSeq: 1 OPTIONS',
      `Content-Length: ${body.length}`,
      '',
      '',
    ].join('\r\n');
    model.parts.push({ bytes: head + body, head: head.length });
  });

const ping: FramerCommand = command(
  'write a ping',
  (model) => void model.parts.push({ bytes: '\r\n\r\n', head: 0 }),
  // Two in a row may be given out as one, which the random tests of the framer look at.
  (model) => model.parts.at(-1)?.head !== 0,
);

const push = (share: number): FramerCommand =>
  command(
    `push ${share} %`,
    (model, framer) => {
      const all = model.parts.map(({ bytes }) => bytes).join('');
      const count = Math.max(1, Math.floor(((all.length - model.pushed) * share) / 100));
      framer.push(Buffer.from(all.slice(model.pushed, model.pushed + count), 'latin1'), model.nowMs);
      model.pushed += count;
      const given: string[] = [];
      for (let out = framer.next(); out !== undefined; out = framer.next())
        given.push(isPong(out) ? '\r\n\r\n' : (out as Buffer).toString('latin1'));
      assert.deepEqual(given, take(model));
      assert.equal(framer.deadlineMs, model.deadlineMs);
    },
    (model) => model.parts.reduce((sum, { bytes }) => sum + bytes.length, 0) > model.pushed,
  );

/** What is there in full by now. */
function take(model: Model): string[] {
  const expected: string[] = [];
  for (let first = model.parts[0]; first !== undefined && first.bytes.length <= model.pushed; first = model.parts[0]) {
    model.parts.shift();
    model.pushed -= first.bytes.length;
    model.deadlineMs = 0;
    model.hasHead = false;
    expected.push(first.bytes);
  }
  const begun = model.parts[0];
  if (begun === undefined || begun.head === 0 || model.pushed === 0) return expected;
  if (model.deadlineMs === 0) model.deadlineMs = model.nowMs + limits.headerDeadlineMs;
  if (!model.hasHead && model.pushed >= begun.head) {
    model.hasHead = true;
    model.deadlineMs = model.nowMs + limits.bodyDeadlineMs;
  }
  return expected;
}

const wait = (ms: number): FramerCommand => command(`wait ${ms}`, (model) => void (model.nowMs += ms));

const commands = fc.commands(
  [
    fc.constantFrom('', 'v=0', 'x'.repeat(3_000), '\r\n\r\nOPTIONS sip:').map(write),
    fc.constant(ping),
    fc.constantFrom(1, 10, 50, 90, 100).map(push),
    fc.constantFrom(1, 10, 50, 90, 100).map(push),
    fc.integer({ min: 1, max: 500 }).map(wait),
  ],
  { maxCommands: 40, size: 'max' },
);

export function model(): fc.IRawProperty<unknown> {
  return fc.property(commands, (sequence) => {
    fc.modelRun(
      () => ({
        model: { nowMs: 1_000, parts: [], pushed: 0, deadlineMs: 0, hasHead: false },
        real: new StreamFramer(),
      }),
      sequence,
    );
  });
}
