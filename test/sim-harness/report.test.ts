/**
 * What is told of a failure: the ladder of a call, and the world made smaller. The failure is a wish that no world fulfils.
 * Seen failing with: arrows to the left drawn to the right; a shrinker that takes any other failure for the same one.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { ladder } from '../../sim/ladder.ts';
import type { Passage } from '../../sim/network.ts';
import { draw } from '../../sim/options.ts';
import { writeMessage } from '../../sim/phone/message.ts';
import { shrink } from '../../sim/shrink.ts';
import { simulate } from '../../sim/simulate.ts';

function passage(start: string, cseq: string, from: string, to: string, fate: Passage['fate']): Passage {
  const headers: [string, string][] = [
    ['Via', 'SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bK1'],
    ['Max-Forwards', '70'],
    ['From', '<sip:a@example.test>;tag=1'],
    ['To', '<sip:b@example.test>;tag=2'],
    ['Call-ID', 'one'],
    ['CSeq', cseq],
  ];
  return { atMs: 1_500, from, to, bytes: writeMessage(start, headers), worker: 'a.1/0', fate };
}

test('a ladder shows who sent what to whom, and what was lost', () => {
  const lines = ladder(
    [
      passage('INVITE sip:b@example.test SIP/2.0', '1 INVITE', '10.1.0.1:5060', '10.0.0.1:5060', 'arrived'),
      passage('SIP/2.0 180 Ringing', '1 INVITE', '10.0.0.1:5060', '10.1.0.1:5060', 'lost'),
    ],
    'one',
  );
  assert.equal(lines.length, 3);
  assert.match(lines[0]!, /10\.1\.0\.1 +a\.1\/0/);
  assert.match(lines[1]!, /1\.500 {2}\|-+ INVITE 1 >\|/);
  assert.match(lines[2]!, /\|< 180 \(INVITE\) 1 LOST -+\|/);
  assert.deepEqual(ladder([], 'one').length, 1);
});

test('a world without failure is not made smaller; the runs are counted', () => {
  const options = draw(4);
  const failure = { checker: 'none', invariant: 0, message: '', callId: '', atMs: 0 };
  const { options: same, runs } = shrink(options, failure, 2);
  assert.equal(runs, 2);
  assert.equal(same, options);
  assert.equal(simulate({ ...options, calls: [], faults: [], registrations: [] }).failure, undefined);
});
