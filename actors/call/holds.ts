/**
 * The places that a call holds under the names of counters (actors/limit/): taken when the service asks, given back when
 * nothing of the INVITE is left that it was taken for, whatever has ended it. Each is known by the tag that our answers to that
 * INVITE carry, which is the same on any node: a question that is asked again after a takeover is the same question.
 */
import { limits } from '../../src/limits.ts';
import { packClaim, packRelease, packTake, unpackPlace } from '../limit/questions.ts';
import { ownTag } from './respond.ts';
import type { Act } from './act.ts';
import type { CallState, Context } from './state.ts';

export interface Hold {
  readonly name: string;
  readonly tag: string;
  /** Of the INVITE, and the tag in its From, by which its dialogs are known. */
  readonly contextId: number;
  readonly fromTag: string;
  readonly calls: number;
  /** 'asked': the counter may have granted it; 'over': it is to know that we have gone. */
  state: 'asked' | 'held' | 'over';
  /** Cluster time of the next claim; for one that is over: until when the counter is told. */
  atMs: number;
  /** The question that is under way, 0 when none is. Not packed. */
  askId: number;
}

const states: readonly Hold['state'][] = ['asked', 'held', 'over'];

/** Asks for a place. 0: this call has as many as it may. */
export function askForPlace(act: Act, context: Context, name: string, calls: number): number {
  const { state, turn } = act;
  const { request } = context;
  let hold = state.holds.find((each) => each.name === name && each.contextId === context.id && each.state !== 'over');
  if (hold === undefined) {
    if (state.holds.length >= limits.placesPerCallMax) return 0;
    const own = ownTag(act, request);
    // A repeated INVITE of which we know nothing any more: what gives back the place of the first must not take its own.
    const isRepeated = state.holds.some(
      (each) => each.name === name && each.tag.startsWith(own) && each.state === 'over',
    );
    const tag = isRepeated ? `${own}.${state.nextContext}` : own;
    hold = { name, tag, contextId: context.id, fromTag: request.fromTag, calls, state: 'asked', atMs: 0, askId: 0 };
    state.holds = [...state.holds, hold];
  }
  hold.askId = turn.ask({ kind: 'limit', key: name }, packTake(hold.tag, calls));
  return hold.askId;
}

/** An answer of a counter, undefined when there was none: true when nobody else waits for it. */
export function onHoldAnswer(act: Act, id: number, body: unknown): boolean {
  const { state, turn } = act;
  const hold = state.holds.find((each) => each.askId === id);
  if (hold === undefined) return false;
  hold.askId = 0;
  if (hold.state === 'over') {
    // Whoever cannot be reached for so long asks us itself, and hears that we are gone.
    if (body !== undefined || turn.nowMs >= hold.atMs) {
      forget(state, hold);
      if (state.saved) turn.save('none');
    }
    return true;
  }
  const place = unpackPlace(body);
  if (place === undefined) return false;
  if (!place.granted) forget(state, hold);
  else if (hold.state === 'asked') {
    hold.state = 'held';
    hold.atMs = turn.nowMs + limits.placeRenewMs;
    armClaims(act);
  }
  return false;
}

/** To be called when an input has been handled: gives back what is not needed any more. */
export function settleHolds(act: Act): void {
  const { state, turn } = act;
  for (const hold of state.holds) {
    if (hold.askId !== 0 || isNeeded(state, hold)) continue;
    if (hold.state !== 'over') {
      hold.state = 'over';
      hold.atMs = turn.nowMs + limits.placeReleaseMs;
    }
    hold.askId = turn.ask({ kind: 'limit', key: hold.name }, packRelease(hold.tag));
  }
}

/** The counter may have been lost with all who knew it: what it does not know it learns again. */
export function onClaimTimer(act: Act): void {
  const { state, turn } = act;
  for (const hold of state.holds) {
    if (hold.state !== 'held' || hold.atMs > turn.nowMs) continue;
    hold.atMs = turn.nowMs + limits.placeRenewMs;
    const { name, tag, calls } = hold;
    turn.tell({ kind: 'limit', key: name }, packClaim({ callId: state.callId, tag, calls }));
  }
  armClaims(act);
}

export function armClaims(act: Act): void {
  let nextMs = Infinity;
  for (const { state, atMs } of act.state.holds) if (state === 'held' && atMs < nextMs) nextMs = atMs;
  if (nextMs < Infinity) act.turn.timer('P', Math.max(nextMs, act.timersNotBeforeMs));
}

/** The counter doubts it. */
export function holdsPlace(state: CallState, name: string, tag: string): boolean {
  return state.holds.some((each) => each.name === name && each.tag === tag && each.state !== 'over');
}

/** As long as the INVITE has no answer, or one of its dialogs stands. */
function isNeeded(state: CallState, hold: Hold): boolean {
  if (hold.state === 'over') return false;
  const context = state.contexts.get(hold.contextId);
  const isOpen = context !== undefined && context.finalStatus === 0;
  // After a takeover its routing begins anew, and asks for it again.
  if (hold.state === 'asked') return isOpen && context.branches.length === 0;
  if (isOpen) return true;
  for (const { fromTag } of state.dialogs.all()) if (fromTag === hold.fromTag) return true;
  return false;
}

function forget(state: CallState, hold: Hold): void {
  state.holds = state.holds.filter((each) => each !== hold);
}

export function packHolds(holds: readonly Hold[]): unknown[] {
  return holds.map((hold) => [
    hold.name,
    hold.tag,
    hold.contextId,
    hold.fromTag,
    hold.calls,
    states.indexOf(hold.state),
    hold.atMs,
  ]);
}

/** A snapshot of a release that knew no places has none. */
export function unpackHolds(rows: unknown): readonly Hold[] {
  if (!Array.isArray(rows) || rows.length === 0) return noHolds;
  return (rows as [string, string, number, string, number, number, number][]).map(
    ([name, tag, contextId, fromTag, calls, state, atMs]) => {
      return { name, tag, contextId, fromTag, calls, state: states[state] ?? 'over', atMs, askId: 0 };
    },
  );
}

export const noHolds: readonly Hold[] = [];
