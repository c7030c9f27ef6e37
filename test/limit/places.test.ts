// Places have bounds of their own, and a full counter fits into a snapshot. What they do is in test/models/limit.ts.
// Seen failing with: octets not counted when a place is given back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packState } from '../../actors/snapshot.ts';
import { Places } from '../../src/limit/places.ts';
import { limits } from '../../src/limits.ts';

const nowMs = 1_795_000_000_000;

test('as many holders as there may be fit into a snapshot, and no more are taken', () => {
  const places = new Places();
  let taken = 0;
  while (
    places.take(`${taken}-1234567890123456789012345678901234567890@192.0.2.1`, 'abc1234567890123456', 1e9, nowMs) ===
    'granted'
  )
    taken++;
  assert(taken === limits.holdersPerCounterMax);
  assert(packState([1, 5, places.pack(), null]).length < limits.snapshotBytesMax);
});

test('long Call-IDs are bounded by their octets, which come back', () => {
  const places = new Places();
  const long = (index: number): string => String(index).padEnd(limits.callIdBytesMax, 'x');
  for (let round = 0; round < 3; round++) {
    let taken = 0;
    while (places.take(long(taken), 't', 1e9, nowMs) === 'granted') taken++;
    assert.equal(taken, Math.floor(limits.holderOctetsPerCounterMax / (limits.callIdBytesMax + 1)));
    assert(packState([1, 5, places.pack(), null]).length < limits.snapshotBytesMax);
    for (let index = 0; index < taken; index++) assert(places.release(long(index), 't'));
    assert.equal(places.size, 0);
  }
});

test('whoever claims a place has it though all are taken', () => {
  const places = new Places();
  assert.equal(places.take('a', '1', 1, nowMs), 'granted');
  assert.equal(places.take('b', '1', 1, nowMs), 'full');
  assert.equal(places.claim('b', '1', nowMs), 'granted');
  assert.equal(places.claim('b', '1', nowMs), 'again');
  assert.equal(places.size, 2);
  assert.equal(Places.unpack(places.pack(), nowMs).find('b', '1')?.callId, 'b');
});
