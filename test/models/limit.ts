/**
 * A counter as a model: a set of calls. Who is in it is asked again, late and twice, gives back twice, claims a place that
 * was forgotten; the node is lost between any two, and comes back with what was saved when somebody waited for it; calls
 * end without a word. The counter must have the same calls as the set, and grant while there is room and no longer.
 */
import assert from 'node:assert/strict';
import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import type { Address, Input, SaveGate, Turn } from '../../actors/entity.ts';
import { limitBehaviour } from '../../actors/limit/behaviour.ts';
import type { LimitState } from '../../actors/limit/behaviour.ts';
import type { CounterView } from '../../src/limit/view.ts';
import { packClaim, packHolds, packRelease, packTake, unpackDoubt, unpackPlace } from '../../actors/limit/questions.ts';
import { limits } from '../../src/limits.ts';
import { command } from './command.ts';

const places = 3;
const behaviour = limitBehaviour();

interface Model {
  nowMs: number;
  /** `call tag`, and when the counter heard of it last. */
  holders: Map<string, number>;
  /** As it was saved last when somebody waited for it. */
  kept: Map<string, number>;
  /** Calls that live and would say that they hold it. */
  readonly live: Set<string>;
}

class Real {
  nowMs: number;
  state: LimitState | undefined = undefined;
  saved: Uint8Array | undefined = undefined;
  answers: unknown[] = [];
  /** Questions to calls. */
  doubts: { readonly id: number; readonly holder: string }[] = [];
  timers = new Map<string, number>();
  #ids = 0;

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  input(input: Input): void {
    let gate: SaveGate | undefined;
    let isOver = false;
    const turn = this.#turn({
      save: (wanted) => void (gate = gate === 'store' ? gate : wanted),
      stop: () => void (isOver = true),
    });
    this.state ??= behaviour.create('trunk', turn);
    behaviour.receive(this.state, input, turn);
    const packed = isOver ? null : behaviour.pack(this.state);
    if (isOver) this.state = undefined;
    if (isOver) this.timers.clear();
    if (gate === 'store') this.saved = packed === null ? undefined : encode(packed);
  }

  /** Another node goes on with what was saved. Questions under way are lost with the one before. */
  lose(): void {
    this.doubts = [];
    this.timers.clear();
    this.state = undefined;
    if (this.saved === undefined) return;
    const turn = this.#turn({ save: () => {}, stop: () => {} });
    this.state = behaviour.unpack('trunk', decode(this.saved) as unknown[], turn);
  }

  holders(): string[] {
    if (this.state === undefined) return [];
    const [view] = behaviour.view(this.state) as [CounterView];
    assert.equal(view.value, view.holders.length);
    return Array.from(this.state.places.all(), ({ callId, tag }) => `${callId} ${tag}`).sort();
  }

  #turn(own: Pick<Turn, 'save' | 'stop'>): Turn {
    return {
      nowMs: this.nowMs,
      partition: 1,
      sendFinal: () => assert.fail('a counter answers no requests'),
      sayAgain: () => false,
      answered: () => undefined,
      send: () => assert.fail('a counter sends nothing'),
      tell: () => assert.fail('a counter tells nobody'),
      ask: (to: Address, body: unknown) => {
        const doubt = unpackDoubt(body);
        assert.equal(doubt?.name, 'trunk');
        this.doubts.push({ id: ++this.#ids, holder: `${to.key} ${doubt.tag}` });
        return this.#ids;
      },
      answer: (_asker, body) => void this.answers.push(body),
      timer: (name, atMs) => void this.timers.set(name, atMs),
      clearTimer: (name) => void this.timers.delete(name),
      note: () => {},
      count: () => {},
      ...own,
    };
  }
}

type LimitCommand = fc.Command<Model, Real>;

const hold = (holder: string): { readonly asker: { kind: 'call'; key: string; id: number }; readonly tag: string } => {
  const [key, tag] = holder.split(' ') as [string, string];
  return { asker: { kind: 'call', key, id: 1 }, tag };
};

const agree = (model: Model, real: Real): void => assert.deepEqual(real.holders(), [...model.holders.keys()].sort());
const keep = (model: Model): void => void (model.kept = new Map(model.holders));

const take = (holder: string): LimitCommand =>
  command(`${holder} takes`, (model, real) => {
    const { asker, tag } = hold(holder);
    const isKnown = model.holders.has(holder);
    const isGranted = isKnown || model.holders.size < places;
    if (isGranted) {
      model.holders.set(holder, model.nowMs);
      model.live.add(holder);
      if (!isKnown) keep(model);
    }
    real.input({ type: 'ask', asker, body: packTake(tag, places) });
    const place = unpackPlace(real.answers.pop());
    assert.deepEqual(place, { granted: isGranted, value: model.holders.size, limit: places });
    agree(model, real);
  });

const release = (holder: string): LimitCommand =>
  command(`${holder} gives back`, (model, real) => {
    const { asker, tag } = hold(holder);
    model.live.delete(holder);
    if (model.holders.delete(holder)) keep(model);
    real.input({ type: 'ask', asker, body: packRelease(tag) });
    assert.deepEqual(unpackPlace(real.answers.pop()), undefined);
    agree(model, real);
  });

const end = (holder: string): LimitCommand =>
  command(`${holder} is lost without a word`, (model) => void model.live.delete(holder));

const claim = (holder: string): LimitCommand =>
  command(
    `${holder} says that it has one`,
    (model, real) => {
      const { asker, tag } = hold(holder);
      model.holders.set(holder, model.nowMs);
      real.input({ type: 'tell', body: packClaim({ callId: asker.key, tag, calls: places }) });
      agree(model, real);
    },
    (model) => model.live.has(holder),
  );

const lose: LimitCommand = command('the node is lost', (model, real) => {
  model.holders = new Map([...model.kept.keys()].map((holder) => [holder, model.nowMs]));
  real.lose();
  agree(model, real);
});

/** Time goes on; who is asked answers at once, if it lives. */
const wait = (ms: number): LimitCommand =>
  command(`wait ${ms}`, (model, real) => {
    const untilMs = model.nowMs + ms;
    for (let steps = 0; steps < 10_000; steps++) {
      const next = [...real.timers].toSorted(([, a], [, b]) => a - b)[0];
      if (next === undefined || next[1] > untilMs) break;
      real.nowMs = model.nowMs = Math.max(model.nowMs, next[1]);
      real.timers.delete(next[0]);
      real.input({ type: 'timer', name: next[0] });
      for (const { id, holder } of real.doubts.splice(0)) {
        const heardMs = model.holders.get(holder);
        assert(heardMs !== undefined, `${holder} is doubted, and has no place`);
        assert(model.nowMs - heardMs >= limits.placeSureMs, `${holder} is doubted too early`);
        if (model.live.has(holder)) model.holders.set(holder, model.nowMs);
        else if (model.holders.delete(holder)) keep(model);
        real.input({ type: 'answer', id, body: packHolds(model.live.has(holder)) });
      }
      agree(model, real);
    }
    real.nowMs = model.nowMs = untilMs;
    // Of whom nothing was heard for so long has been asked.
    const lateMs = limits.placeSureMs + limits.placeDoubtEveryMs;
    for (const [holder, heardMs] of model.holders)
      assert(untilMs - heardMs <= lateMs, `nobody has asked ${holder} whether it lives`);
  });

export function model(): fc.IRawProperty<unknown> {
  const who = fc.constantFrom('a 1', 'a 2', 'b 1', 'c 1', 'd 1');
  const commands = fc.commands(
    [
      who.map(take),
      who.map(take),
      who.map(release),
      who.map(end),
      who.map(claim),
      fc.constant(lose),
      fc.constantFrom(1, 1_000, limits.placeSureMs - 1, limits.placeSureMs + 2_000).map(wait),
    ],
    { maxCommands: 60 },
  );
  return fc.property(commands, (sequence) => {
    const nowMs = 1_795_000_000_000;
    fc.modelRun(
      () => ({
        model: { nowMs, holders: new Map(), kept: new Map(), live: new Set<string>() },
        real: new Real(nowMs),
      }),
      sequence,
    );
  });
}
