/**
 * Nonce counts of one user as a model that remembers every use for ever (RFC 7616 3.3): a count is good once; below the
 * highest one seen only within the window; the same request again is no replay while it is among the last few. Packed
 * and unpacked in between, as a takeover does.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { make } from '../../src/auth/nonce.ts';
import { NonceWindows } from '../../src/auth/replay.ts';
import { limits } from '../../src/limits.ts';
import { command } from './command.ts';

const startMs = 1_795_000_000_000;
const nonces = [0, 1, 2].map((at) => make('key', startMs + at, Buffer.alloc(8, at)));

interface Use {
  readonly count: number;
  readonly request: string;
}

interface Model {
  /** Newest first. */
  readonly uses: readonly Use[][];
}

interface Real {
  windows: NonceWindows;
}

type NonceCommand = fc.Command<Model, Real>;

function verdict(uses: Use[], count: number, request: string): string {
  const at = uses.findIndex((use) => use.count === count);
  if (at >= 0) return at < limits.nonceIdentitiesMax && uses[at]!.request === request ? 'again' : 'replay';
  const isFirst = uses.length === 0;
  if (!isFirst && (count === 0 || uses.some((use) => use.count === 0))) return 'replay';
  if (!isFirst && count <= Math.max(...uses.map((use) => use.count)) - limits.nonceCountWindow) return 'replay';
  uses.unshift({ count, request });
  return 'ok';
}

const use = (nonce: number, count: number, request: string): NonceCommand =>
  command(`${request} with count ${count} of nonce ${nonce}`, (model, real) => {
    const expected = verdict(model.uses[nonce]!, count, request);
    assert.equal(real.windows.accept(nonces[nonce]!, count, request, startMs + 1_000), expected);
  });

/** The next counts of a telephone that asks often. */
const useNext = (nonce: number, step: number): NonceCommand =>
  command(`next but ${step} of nonce ${nonce}`, (model, real) => {
    const count = Math.max(0, ...model.uses[nonce]!.map((each) => each.count)) + step;
    const expected = verdict(model.uses[nonce]!, count, 'a');
    assert.equal(real.windows.accept(nonces[nonce]!, count, 'a', startMs + 1_000), expected);
  });

const move: NonceCommand = command('move', (_model, real) => {
  const packed = JSON.stringify(real.windows.pack(startMs + 1_000));
  real.windows = NonceWindows.unpack(JSON.parse(packed) as unknown[] | null);
});

const nonce = fc.nat(2);
const commands = fc.commands(
  [
    fc
      .tuple(nonce, fc.integer({ min: 0, max: 130 }), fc.constantFrom('a', 'b'))
      .map(([at, count, who]) => use(at, count, who)),
    fc.tuple(nonce, fc.constantFrom(1, 1, 2, 31, 32, 33, 63, 64, 65)).map(([at, step]) => useNext(at, step)),
    fc.constant(move),
  ],
  { maxCommands: 40, size: 'max' },
);

export function model(): fc.IRawProperty<unknown> {
  return fc.property(commands, (sequence) => {
    fc.modelRun(() => ({ model: { uses: [[], [], []] }, real: { windows: new NonceWindows() } }), sequence);
  });
}
