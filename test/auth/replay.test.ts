/**
 * Used nonce counts, held against a model that remembers everything: all (nonce, count) pairs ever accepted, in a plain list.
 * Seen failing with: a jump by exactly 32 handled as a smaller one; the window one count too long; the floor not raised when a
 * nonce is pushed out; `again` granted for another identity.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { make } from '../../src/auth/nonce.ts';
import { NonceWindows } from '../../src/auth/replay.ts';
import type { Acceptance } from '../../src/auth/replay.ts';
import { limits } from '../../src/limits.ts';

const startMs = 1_700_000_000_000;
const issueEveryMs = 100;
const nonces = Array.from({ length: limits.noncesPerUserMax + 16 }, (_, at) =>
  make('key', startMs + at * issueEveryMs, Buffer.alloc(8, at)),
);

/** Remembers every use for ever. Nonces are never forgotten but by the bound, which the model applies as the documentation says. */
class NaiveWindows {
  uses = new Map<string, { issuedMs: number; counts: { nc: number; identity: string }[]; usedUp: boolean }>();
  floorMs = -1;

  accept(nonce: string, issuedMs: number, nc: number, identity: string): Acceptance {
    const use = this.uses.get(nonce);
    if (use === undefined) {
      if (issuedMs <= this.floorMs) return 'replay';
      if (this.uses.size === limits.noncesPerUserMax) {
        const oldest = [...this.uses].sort((a, b) => a[1].issuedMs - b[1].issuedMs)[0]!;
        this.uses.delete(oldest[0]);
        this.floorMs = Math.max(this.floorMs, oldest[1].issuedMs);
        if (issuedMs <= this.floorMs) return 'replay';
      }
      this.uses.set(nonce, { issuedMs, counts: [{ nc, identity }], usedUp: nc === 0 });
      return 'ok';
    }
    const same = use.counts.findIndex((count) => count.nc === nc);
    if (same >= 0) {
      const recent = use.counts.length - same <= limits.nonceIdentitiesMax;
      return recent && use.counts[same]!.identity === identity ? 'again' : 'replay';
    }
    if (nc === 0 || use.usedUp) return 'replay';
    const highest = Math.max(...use.counts.map((count) => count.nc));
    if (nc <= highest - limits.nonceCountWindow) return 'replay';
    use.counts.push({ nc, identity });
    return 'ok';
  }
}

const count = fc.oneof(
  { weight: 10, arbitrary: fc.integer({ min: 1, max: 140 }) },
  { weight: 2, arbitrary: fc.constantFrom(0, 2 ** 32 - 1, 2 ** 31, 2 ** 32 - 40) },
);
const use = (noncesMax: number) =>
  fc.record({ at: fc.nat(noncesMax - 1), nc: count, identity: fc.constantFrom('a', 'b', 'c') });

function compare(uses: readonly { at: number; nc: number; identity: string }[], repack: boolean): void {
  let windows = new NonceWindows();
  const naive = new NaiveWindows();
  for (const { at, nc, identity } of uses) {
    const nowMs = startMs + 60_000;
    assert.equal(
      windows.accept(nonces[at]!, nc, identity, nowMs),
      naive.accept(nonces[at]!, startMs + at * issueEveryMs, nc, identity),
    );
    assert(windows.size <= limits.noncesPerUserMax);
    if (repack) windows = NonceWindows.unpack(JSON.parse(JSON.stringify(windows.pack(nowMs))) as unknown[] | null);
  }
}

test('one nonce, any order of counts: the window does what remembering everything would do', () => {
  fc.assert(
    fc.property(fc.array(use(1), { maxLength: 120, size: 'max' }), (uses) => compare(uses, false)),
    { numRuns: 300 },
  );
});

test('many nonces: bounded, and what was pushed out is used up', () => {
  const almostFull = nonces.slice(0, limits.noncesPerUserMax - 6).map((_, at) => ({ at, nc: 1, identity: 'a' }));
  const edges = fc.oneof(fc.nat(15), fc.integer({ min: limits.noncesPerUserMax - 6, max: nonces.length - 1 }));
  const uses = fc.array(fc.record({ at: edges, nc: count, identity: fc.constantFrom('a', 'b') }), {
    maxLength: 60,
    size: 'max',
  });
  fc.assert(
    fc.property(uses, (last) => compare([...almostFull, ...last], false)),
    { numRuns: 60 },
  );
});

test('the snapshot keeps all of it', () => {
  fc.assert(
    fc.property(fc.array(use(40), { maxLength: 90, size: 'max' }), (uses) => compare(uses, true)),
    { numRuns: 60 },
  );
});

test('jumps of every width around the word size keep the counts below them', () => {
  for (let by = 1; by <= 70; by += 1) {
    const windows = new NonceWindows();
    for (let nc = 1; nc <= 64; nc += 2) assert.equal(windows.accept(nonces[0]!, nc, 'x', startMs), 'ok');
    assert.equal(windows.accept(nonces[0]!, 63 + by, 'x', startMs), 'ok');
    for (let nc = 1; nc < 63 + by; nc += 1) {
      const inside = nc > 63 + by - 64;
      assert.equal(
        windows.accept(nonces[0]!, nc, 'y', startMs),
        inside && (nc % 2 === 0 || nc > 63) ? 'ok' : 'replay',
        `count ${nc} after a jump of ${by}`,
      );
    }
  }
});

test('without qop a nonce is good for one request and its retransmissions', () => {
  const windows = new NonceWindows();
  assert.equal(windows.accept(nonces[0]!, 0, 'first', startMs), 'ok');
  assert.equal(windows.accept(nonces[0]!, 0, 'first', startMs), 'again');
  assert.equal(windows.accept(nonces[0]!, 0, 'second', startMs), 'replay');
  assert.equal(windows.accept(nonces[0]!, 7, 'third', startMs), 'replay');
});

test('old nonces are forgotten, and a user who has none left costs no snapshot', () => {
  const windows = new NonceWindows();
  windows.accept(nonces[0]!, 1, 'x', startMs);
  assert.notEqual(windows.pack(startMs + limits.nonceLifetimeMs), null);
  assert.equal(windows.pack(startMs + limits.nonceLifetimeMs + 1), null);
  assert.equal(windows.size, 0);
});

test('a judge who starts late takes all earlier nonces as used', () => {
  const windows = NonceWindows.startingAt(startMs + issueEveryMs);
  assert.equal(windows.accept(nonces[0]!, 1, 'x', startMs), 'replay');
  assert.equal(windows.accept(nonces[1]!, 1, 'x', startMs), 'replay');
  assert.equal(windows.accept(nonces[2]!, 1, 'x', startMs), 'ok');
});
