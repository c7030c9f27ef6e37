/**
 * The output gate as a model (invariant 30): every effect needs the last gated version before it; a store has versions in
 * any order; out is what needs nothing later than the highest version there, in the order of asking.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Gate } from '../../actors/gate.ts';
import { command } from './command.ts';

interface Model {
  version: number;
  needed: number;
  /** Highest version that the store has acknowledged. */
  acknowledged: number;
  /** Versions on their way to the store. */
  written: number[];
  lastWritten: number;
  next: number;
  waiting: { readonly effect: number; readonly needs: number }[];
}

interface Real {
  gate: Gate<number>;
}

type GateCommand = fc.Command<Model, Real>;

function compare(model: Model, { gate }: Real): void {
  assert.equal(gate.version, model.version);
  assert.equal(gate.isOpen, model.needed <= model.acknowledged);
  assert.equal(gate.heldCount, model.waiting.length);
}

const save = (gated: boolean): GateCommand =>
  command(`save${gated ? ' gated' : ''}`, (model, real) => {
    model.version++;
    if (gated) model.needed = model.version;
    assert.equal(real.gate.save(gated), model.version);
    compare(model, real);
  });

const passOpen: GateCommand = command(
  'effect through the open gate',
  (model, { gate }) => assert(gate.isOpen && model.waiting.length === 0, 'closed, or overtaken'),
  (model) => model.needed <= model.acknowledged,
);

const hold: GateCommand = command(
  'effect held',
  (model, real) => {
    const effect = model.next++;
    model.waiting.push({ effect, needs: model.needed });
    real.gate.hold(effect);
    compare(model, real);
  },
  (model) => model.needed > model.acknowledged,
);

const write: GateCommand = command(
  'write',
  (model) => void model.written.push((model.lastWritten = model.version)),
  (model) => model.version > model.lastWritten,
);

const acknowledge = (pick: number): GateCommand =>
  command(
    `acknowledge ${pick}`,
    (model, real) => {
      const [version = 0] = model.written.splice(pick % model.written.length, 1);
      model.acknowledged = Math.max(model.acknowledged, version);
      const out = model.waiting.filter(({ needs }) => needs <= model.acknowledged).map(({ effect }) => effect);
      model.waiting = model.waiting.filter(({ needs }) => needs > model.acknowledged);
      const released: number[] = [];
      assert.equal(real.gate.pass(version, released), released.length);
      assert.deepEqual(released, out);
      compare(model, real);
    },
    (model) => model.written.length > 0,
  );

/** The entity breaks and goes back to what was written last. */
const crash: GateCommand = command('crash', (model, real) => {
  const lost = model.waiting.filter(({ needs }) => needs > model.lastWritten).map(({ effect }) => effect);
  model.waiting = model.waiting.filter(({ needs }) => needs <= model.lastWritten);
  model.needed = Math.min(model.needed, model.lastWritten);
  assert.deepEqual(real.gate.forgetAfter(model.lastWritten), lost);
  compare(model, real);
});

const commands = fc.commands(
  [
    fc.boolean().map(save),
    fc.constant(passOpen),
    fc.constant(hold),
    fc.constant(hold),
    fc.constant(write),
    fc.nat(3).map(acknowledge),
    fc.constant(crash),
  ],
  { maxCommands: 60, size: 'max' },
);

export function model(): fc.IRawProperty<unknown> {
  return fc.property(fc.nat(5), commands, (version, sequence) => {
    fc.modelRun(
      () => ({
        model: {
          version,
          needed: version,
          acknowledged: version,
          written: [],
          lastWritten: version,
          next: 0,
          waiting: [],
        },
        real: { gate: new Gate<number>(version) },
      }),
      sequence,
    );
  });
}
