/**
 * The counter actor: how many calls hold a place under one name, and how many requests were let through in the last seconds.
 * A place is granted after two nodes know of it, and given back by name of the call, so neither a repeated question nor a
 * takeover counts twice.
 *
 * What heals. Each call says every `limits.placeRenewMs` that it has its place, which restores what this actor has lost. Of
 * whom it has heard nothing for `limits.placeSureMs`, it asks the call itself; a call that does not hold it any more, or
 * does not exist, has given it back. Nobody is put out for want of an answer.
 */
import assert from 'node:assert';
import { limits } from '../../src/limits.ts';
import { Places } from '../../src/limit/places.ts';
import type { Holder } from '../../src/limit/places.ts';
import type { CounterView } from '../../src/limit/view.ts';
import { Window } from '../../src/limit/window.ts';
import type { Asker, Behaviour, Input, Turn } from '../entity.ts';
import {
  packCounted,
  packDoubt,
  packHolds,
  packLent,
  packPlace,
  unpackClaim,
  unpackHolds,
  unpackLimitQuestion,
} from './questions.ts';
import type { LimitQuestion } from './questions.ts';

/** Raise it when a position changes its meaning; nodes read this and the one before. */
const schema = 1;

export interface LimitState {
  readonly name: string;
  /** As it was asked for last; 0: never. */
  calls: number;
  places: Places;
  window: Window | undefined;
  /** Questions to calls that are in doubt. Not packed: a new owner waits and asks again. */
  readonly doubts: Map<number, Holder>;
}

export function limitBehaviour(): Behaviour<LimitState> {
  return {
    create: (name) => ({ name, calls: 0, places: new Places(), window: undefined, doubts: new Map() }),
    receive,
    pack: (state) => (isEmpty(state) ? null : [schema, state.calls, state.places.pack(), state.window?.pack() ?? null]),
    unpack: takeUp,
    // Who has been doubted and when is known only while it is awake.
    isIdle: isEmpty,
    describe: ({ name, places, calls, window }) =>
      `limit ${name} calls ${places.size} of ${calls}${window === undefined ? '' : ` requests ${window.requests}`}`,
    view,
  };
}

function isEmpty({ places, window }: LimitState): boolean {
  return places.size === 0 && (window === undefined || window.allFreeMs() === 0);
}

function receive(state: LimitState, input: Input, turn: Turn): void {
  switch (input.type) {
    case 'ask': {
      const question = unpackLimitQuestion(input.body);
      if (question === undefined) turn.count('limit-unknown-ask');
      else onAsk(state, input.asker, question, turn);
      break;
    }
    case 'tell':
      onClaim(state, input.body, turn);
      break;
    case 'timer':
      onTimer(state, turn);
      break;
    case 'answer':
      onDoubtAnswered(state, input.id, unpackHolds(input.body), turn);
      break;
    case 'ask-failed':
      onDoubtAnswered(state, input.id, undefined, turn);
      break;
    case 'sip':
    case 'undelivered':
      turn.count('limit-unknown-input');
      break;
  }
  if (isEmpty(state)) turn.stop();
}

function onAsk(state: LimitState, asker: Asker, question: LimitQuestion, turn: Turn): void {
  switch (question.ask) {
    case 'take':
      return onTake(state, asker, question, turn);
    case 'release':
      if (state.places.release(asker.key, question.tag)) turn.save('store');
      return turn.answer(asker, packHolds(false));
    case 'rate':
      return onRate(state, asker, question, turn);
    case 'count':
      return turn.answer(
        asker,
        packCounted({ calls: state.places.size, requests: state.window?.count(turn.nowMs) ?? 0 }),
      );
  }
}

function onTake(state: LimitState, asker: Asker, { tag, calls }: { tag: string; calls: number }, turn: Turn): void {
  const { places } = state;
  const taken = places.take(asker.key, tag, calls, turn.nowMs);
  if (taken === 'granted') {
    state.calls = calls;
    turn.save('store');
    if (places.size === 1) armDoubts(state, turn);
  }
  // It lives: what it may have said before that to a question of ours is old.
  if (taken === 'again')
    for (const [id, doubted] of state.doubts) if (doubted === places.find(asker.key, tag)) state.doubts.delete(id);
  turn.count(taken === 'full' ? 'limit-refused' : 'limit-granted');
  turn.answer(asker, packPlace({ granted: taken !== 'full', value: places.size, limit: calls }));
}

function onRate(
  state: LimitState,
  asker: Asker,
  { requests, perMs, wanted }: { requests: number; perMs: number; wanted: number },
  turn: Turn,
): void {
  const { nowMs } = turn;
  let { window } = state;
  if (window === undefined) window = new Window(requests, perMs);
  else if (window.requests !== requests || window.perMs !== perMs) window = window.withLimit(requests, perMs);
  state.window = window;
  const wasOver = window.count(nowMs) === 0;
  const { granted, untilMs } = window.take(Math.min(wanted, limits.creditsMax), nowMs);
  if (granted > 0) {
    turn.save('store');
    if (wasOver) armEnd(state, turn);
  }
  turn.count(granted > 0 ? 'rate-granted' : 'rate-refused');
  const waitMs = granted > 0 ? 0 : Math.max(0, window.nextFreeMs() - nowMs);
  const permit = {
    granted: granted > 0,
    value: window.count(nowMs),
    limit: requests,
    retryAfterSeconds: Math.ceil(waitMs / 1_000),
  };
  turn.answer(asker, packLent({ granted, untilMs, permit }));
}

function onClaim(state: LimitState, body: unknown, turn: Turn): void {
  const claim = unpackClaim(body);
  if (claim === undefined) return turn.count('limit-unknown-tell');
  if (state.places.claim(claim.callId, claim.tag, turn.nowMs) !== 'granted') return;
  // Nobody waits for this: it was granted before.
  if (state.calls === 0) state.calls = claim.calls;
  turn.count('limit-claimed');
  turn.save('none');
  if (state.places.size === 1) armDoubts(state, turn);
}

/** One timer for both: who is to be doubted, and a window that is over. */
function onTimer(state: LimitState, turn: Turn): void {
  const { nowMs } = turn;
  if (state.window !== undefined) {
    state.window.forget(nowMs);
    if (state.window.allFreeMs() === 0) {
      state.window = undefined;
      turn.save('none');
    } else armEnd(state, turn);
  }
  for (const holder of state.places.all()) {
    if (holder.sureUntilMs > nowMs || state.doubts.size >= limits.placeDoubtsMax) continue;
    holder.sureUntilMs = nowMs + limits.placeDoubtMs;
    state.doubts.set(turn.ask({ kind: 'call', key: holder.callId }, packDoubt(state.name, holder.tag), true), holder);
  }
  if (state.places.size > 0) armDoubts(state, turn);
}

/** @param holds undefined: nobody answered. */
function onDoubtAnswered(state: LimitState, id: number, holds: boolean | undefined, turn: Turn): void {
  const holder = state.doubts.get(id);
  if (holder === undefined) return;
  state.doubts.delete(id);
  if (holds === true) holder.sureUntilMs = turn.nowMs + limits.placeSureMs;
  if (holds !== false || state.places.find(holder.callId, holder.tag) !== holder) return;
  state.places.release(holder.callId, holder.tag);
  turn.count('limit-lapsed');
  turn.save('store');
}

function armDoubts(state: LimitState, turn: Turn): void {
  turn.timer('D', Math.max(turn.nowMs + limits.placeDoubtEveryMs, state.places.nextDoubtMs()));
}

function armEnd(state: LimitState, turn: Turn): void {
  const endMs = state.window?.allFreeMs() ?? 0;
  if (endMs > 0) turn.timer('W', endMs);
}

function takeUp(name: string, packed: readonly unknown[], turn: Turn): LimitState {
  assert(packed[0] === schema, `a limit of schema ${String(packed[0])} cannot be read`);
  const [, calls, rows, window] = packed;
  const state: LimitState = {
    name,
    calls: calls as number,
    places: Places.unpack(rows as readonly unknown[], turn.nowMs),
    window: Array.isArray(window) ? Window.unpack(window) : undefined,
    doubts: new Map(),
  };
  if (state.places.size > 0) armDoubts(state, turn);
  armEnd(state, turn);
  return state;
}

function view({ name, calls, places, window }: LimitState): readonly CounterView[] {
  return [
    {
      name,
      value: places.size,
      limit: calls,
      used: window?.used ?? 0,
      requests: window?.requests ?? 0,
      perMs: window?.perMs ?? 0,
      holders: Array.from(places.all(), ({ callId, sinceMs }) => ({ callId, sinceMs })),
    },
  ];
}
