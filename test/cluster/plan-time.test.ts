/** When a node plans. Seen failing with: news that all have planned at once by all; a look that is put off for ever; a plan that is not taken off. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlanTime } from '../../cluster/plan-time.ts';
import { limits } from '../../src/limits.ts';

test('who stored the table goes on at once', () => {
  const time = new PlanTime();
  time.begun(0);
  time.adopted(true, 10);
  assert.equal(time.isDue, true);
  time.begun(10);
  assert.equal(time.isDue, false);
  time.soon(20);
  assert.equal(time.isDue, true);
});

test('the others look a while after the last news', () => {
  const time = new PlanTime();
  time.begun(0);
  for (const nowMs of [10, 60, 110]) {
    time.adopted(false, nowMs);
    time.tick(nowMs + 40);
    assert.equal(time.isDue, false);
  }
  time.tick(109 + limits.planAfterOthersMs);
  assert.equal(time.isDue, false);
  time.tick(110 + limits.planAfterOthersMs);
  assert.equal(time.isDue, true);
  time.begun(300);
  time.tick(300 + limits.planRepeatMs - 1);
  assert.equal(time.isDue, false);
});

test('news without end do not put it off for ever', () => {
  const time = new PlanTime();
  time.begun(0);
  for (let nowMs = 10; nowMs < limits.planRepeatMs; nowMs += 10) {
    time.adopted(false, nowMs);
    time.tick(nowMs);
    assert.equal(time.isDue, false);
  }
  time.tick(limits.planRepeatMs);
  assert.equal(time.isDue, true);
});
