/**
 * What a collection may move follows what the process does, against the shares of time that it was told.
 * Seen failing with: compared with the time since the start; the values of rest left behind when there is work again;
 * looks at rest counted on over work.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import fc from 'fast-check';
import { HeapRest } from '../../src/cli/heap-rest.ts';
import { limits } from '../../src/limits.ts';

/** Keeps the flags as they stand. */
function watched(): { flags: Map<string, number>; trims: () => number; work: (ms: number, usedMs: number) => void } {
  let [nowMs, usedMs, trims] = [1_000, 5_000, 0];
  const flags = new Map<string, number>();
  const rest = new HeapRest({
    usedMs: () => usedMs,
    nowMs: () => nowMs,
    setFlag: (flag) => {
      const [, name = '', value] = /^--([a-z-]+)=(\d+)$/.exec(flag) ?? [];
      assert.notEqual(flags.get(name), Number(value), 'said once');
      flags.set(name, Number(value));
    },
    trim: () => trims++,
  });
  const work = (ms: number, used: number): void => {
    nowMs += ms;
    usedMs += used;
    rest.look();
  };
  return { flags, trims: () => trims, work };
}

const moved = 'compaction-max-evacuated-bytes-mb-for-reduce-memory';

test('much is moved when the last stretch had next to no work, and only then', () => {
  const stretch = fc.record({ ms: fc.integer({ min: 1_000, max: 60_000 }), share: fc.constantFrom(0, 0.05, 0.2, 1.9) });
  fc.assert(
    fc.property(fc.array(stretch, { minLength: 1, maxLength: 20 }), (stretches) => {
      const { flags, work } = watched();
      for (const { ms, share } of stretches) {
        work(ms, ms * share);
        if (share < limits.heapRestShareMax) assert.equal(flags.get(moved), limits.heapRestMovedMb);
        else assert.notEqual(flags.get(moved), limits.heapRestMovedMb);
      }
    }),
  );
});

test('what the allocator keeps is asked for every half minute of rest, and not for ever', () => {
  const { trims, work } = watched();
  const [busy, idle] = [(): void => work(10_000, 9_000), (): void => work(10_000, 100)];
  for (const step of [idle, idle, busy, idle, idle, busy]) step();
  assert.equal(trims(), 0);
  for (let looks = 1; looks <= 9; looks++) {
    idle();
    assert.equal(trims(), Math.floor(looks / 3));
  }
  for (let looks = 0; looks < 1_000; looks++) idle();
  assert.equal(trims(), limits.heapRestTrimsMax);
  for (const step of [busy, idle, idle, idle]) step();
  assert.equal(trims(), limits.heapRestTrimsMax + 1);
});

test(
  'what is set for a process at work is what V8 has by itself',
  { skip: !process.versions.v8.startsWith('14.') },
  () => {
    const { flags, work } = watched();
    work(10_000, 0);
    work(10_000, 10_000);
    const options = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' });
    assert.equal(flags.size, 2);
    for (const [name, value] of flags)
      assert(options.includes(`default: --${name}=${value}\n`), `${name} is not ${value}`);
  },
);
