/**
 * Invariant 30: nothing passes a gate before its version is acknowledged; what passes keeps its order.
 * Seen failing with each of the mutants at the end of this file, and with: `pass` that releases one version more than was
 * acknowledged; `save` that lowers what is needed for an ungated change; `forgetAfter` that leaves the gate closed.
 */
import assert from 'node:assert';
import test from 'node:test';
import fc from 'fast-check';
import { Gate } from '../../actors/gate.ts';

interface GateLike {
  readonly version: number;
  readonly isOpen: boolean;
  readonly heldCount: number;
  save(gated: boolean): number;
  hold(effect: number): void;
  pass(version: number, released: number[]): number;
  forgetAfter(version: number): number[];
}

const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('save', 'save gated'), pick: fc.constant(0) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('effect'), pick: fc.constant(0) }) },
  // `pick` chooses among the versions that were written and not answered.
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('write', 'acknowledge'), pick: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash'), pick: fc.constant(0) }) },
);

/**
 * The model: each effect remembers the last gated version before it; a store acknowledges versions in any order. An effect
 * may be out only when its version, or a later one, is acknowledged, and when all effects before it are out or forgotten.
 */
function property(
  make: (version: number) => GateLike,
): fc.IPropertyWithHooks<[number, { do: string; pick: number }[]]> {
  return fc.property(fc.nat(5), fc.array(action, { maxLength: 60, size: 'max' }), (start, actions) => {
    const gate = make(start);
    const written: number[] = [];
    let lastWritten = start;
    let acknowledged = start;
    let needed = start;
    let next = 0;
    let waiting: { effect: number; needs: number }[] = [];
    const out = (effects: readonly number[]): void => {
      for (const effect of effects) {
        const first = waiting.shift();
        assert(first !== undefined && first.effect === effect, 'out of order');
        assert(first.needs <= acknowledged, 'out before its snapshot is acknowledged');
      }
      assert(waiting.length === 0 || waiting[0]!.needs > acknowledged, 'held back for nothing');
      assert.equal(gate.heldCount, waiting.length);
    };
    for (const { do: what, pick } of actions) {
      switch (what) {
        case 'save':
          gate.save(false);
          break;
        case 'save gated':
          needed = gate.save(true);
          break;
        case 'effect': {
          const effect = next++;
          waiting.push({ effect, needs: needed });
          if (gate.isOpen) out([effect]);
          else {
            gate.hold(effect);
            out([]);
          }
          break;
        }
        case 'write':
          if (gate.version > lastWritten) written.push((lastWritten = gate.version));
          break;
        case 'acknowledge': {
          const version = written.splice(pick % Math.max(1, written.length), 1)[0];
          if (version === undefined) break;
          acknowledged = Math.max(acknowledged, version);
          const released: number[] = [];
          const count = gate.pass(version, released);
          assert.equal(count, released.length);
          out(released);
          break;
        }
        case 'crash': {
          // What waits for a version that was never written can never go.
          const lost = waiting.filter((each) => each.needs > lastWritten).map((each) => each.effect);
          waiting = waiting.filter((each) => each.needs <= lastWritten);
          assert.deepStrictEqual(gate.forgetAfter(lastWritten), lost);
          needed = Math.min(needed, lastWritten);
          out([]);
        }
      }
    }
    const released: number[] = [];
    acknowledged = Number.MAX_SAFE_INTEGER;
    gate.pass(gate.version, released);
    out(released);
    assert.equal(waiting.length, 0, 'all are out in the end');
  });
}

test('nothing leaves before its snapshot is acknowledged, and in order', () => {
  fc.assert(
    property((version) => new Gate<number>(version)),
    { numRuns: 1_000 },
  );
});

test('an open gate refuses to hold, or a later effect would overtake', () => {
  assert.throws(() => new Gate<number>(0).hold(1), /open gate/);
});

test('the property finds a gate that is wrong', () => {
  const mutants: Record<string, (version: number) => GateLike> = {
    'always open': (version) =>
      new (class extends Gate<number> {
        override get isOpen(): boolean {
          return true;
        }
      })(version),
    'opens with the next acknowledgement, whichever': (version) =>
      new (class extends Gate<number> {
        override pass(_version: number, released: number[]): number {
          return super.pass(this.version, released);
        }
      })(version),
    'every save closes': (version) =>
      new (class extends Gate<number> {
        override save(): number {
          return super.save(true);
        }
      })(version),
    'last in, first out': (version) =>
      new (class extends Gate<number> {
        override pass(upTo: number, released: number[]): number {
          const count = super.pass(upTo, released);
          released.reverse();
          return count;
        }
      })(version),
    'keeps after a crash what can never go': (version) =>
      new (class extends Gate<number> {
        override forgetAfter(): number[] {
          return [];
        }
      })(version),
  };
  for (const [name, make] of Object.entries(mutants)) {
    assert(fc.check(property(make), { numRuns: 1_000, seed: 1 }).failed, `not found: ${name}`);
  }
});
