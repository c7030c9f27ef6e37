// When a node is started again. Seen failing with: give-up also after the node had been ready once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { verdictOf, type NodeEnd } from '../../src/cli/restart.ts';
import { limits } from '../../src/limits.ts';

const crash: NodeEnd = { code: null, wasReady: true, wasEverReady: true, livedMs: 60_000, failures: 0 };

test('a node that ran well comes back after 100 ms, told dead at once', () => {
  assert.deepEqual(verdictOf(crash), { do: 'restart', afterMs: 100, failures: 1 });
  assert.deepEqual(verdictOf({ ...crash, code: 70 }), { do: 'restart', afterMs: 0, failures: 0 });
});

test('short lives wait longer each time, and never longer than the limit', () => {
  let end: NodeEnd = { ...crash, code: 70, livedMs: 50 };
  const delays: number[] = [];
  for (let life = 0; life < 10; life += 1) {
    const verdict = verdictOf(end);
    assert.ok(verdict.do === 'restart');
    delays.push(verdict.afterMs);
    end = { ...end, failures: verdict.failures };
  }
  assert.deepEqual(delays.slice(0, 7), [100, 200, 400, 800, 1_600, 3_200, 5_000]);
  assert.equal(delays.at(-1), limits.supervisorRestartMsMax);
});

test('a wrong configuration or a taken port ends everything only before the node was ever ready', () => {
  for (const code of [2, 69, 73, 78]) {
    const first = { code, wasReady: false, wasEverReady: false, livedMs: 5, failures: 0 };
    assert.deepEqual(verdictOf(first), { do: 'give-up', code });
    assert.equal(verdictOf({ ...first, wasEverReady: true }).do, 'restart');
  }
});

test('a node that was never ready gets five lives, one that was gets as many as it needs', () => {
  let end: NodeEnd = { code: null, wasReady: false, wasEverReady: false, livedMs: 5, failures: 0 };
  for (let life = 1; life < limits.supervisorFirstLivesMax; life += 1) {
    const verdict = verdictOf(end);
    assert.ok(verdict.do === 'restart', `life ${life}`);
    end = { ...end, failures: verdict.failures };
  }
  assert.deepEqual(verdictOf(end), { do: 'give-up', code: 70 });
  assert.deepEqual(verdictOf({ ...end, code: 1 }), { do: 'give-up', code: 1 });
  assert.equal(verdictOf({ ...end, wasEverReady: true }).do, 'restart');
});

test('whatever happens, the delay is bounded and only code 0 leaves', () => {
  const end = fc.record({
    code: fc.option(fc.integer({ min: 0, max: 255 })),
    wasReady: fc.boolean(),
    wasEverReady: fc.constant(true),
    livedMs: fc.nat(),
    failures: fc.nat(),
  });
  fc.assert(
    fc.property(end, (one) => {
      const verdict = verdictOf(one);
      assert.equal(verdict.do, one.code === 0 ? 'leave' : 'restart');
      if (verdict.do === 'restart') assert.ok(verdict.afterMs >= 0 && verdict.afterMs <= limits.supervisorRestartMsMax);
    }),
  );
});
