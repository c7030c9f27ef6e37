/** Mistakes of counters and of the places that calls hold. */
import type { Mutant } from './mutant.ts';

export const limitsMutants: readonly Mutant[] = [
  {
    name: 'one place too many',
    file: 'src/limit/places.ts',
    line: '    if (this.size >= places ||',
    instead: '    if (this.size > places ||',
    wishes: { trunk: true },
  },
  {
    name: 'the next owner forgets who has a place',
    file: 'src/limit/places.ts',
    line: '    for (const [callId, tag, sinceMs] of rows',
    instead: '    for (const [callId, tag, sinceMs] of [] as typeof rows',
    wishes: { trunk: true, kinds: ['crash', 'drain'] },
  },
  {
    name: 'a call that was refused keeps its place',
    file: 'actors/call/holds.ts',
    line: '  if (isOpen) return true;',
    instead: '  if (context !== undefined) return true;',
    scenario: 'calls by a trunk end in every way',
  },
  {
    name: 'a call gives back its place when it is answered',
    file: 'actors/call/holds.ts',
    line: '  for (const { fromTag } of state.dialogs.all()) if (fromTag === hold.fromTag) return true;',
    instead: '',
    wishes: { trunk: true },
  },
  {
    name: 'nobody gives back a place',
    file: 'actors/call/holds.ts',
    line: "    hold.askId = turn.ask({ kind: 'limit', key: hold.name }, packRelease(hold.tag));",
    instead: '    hold.askId = 1;',
    wishes: { trunk: true },
  },
  {
    name: 'a call forgets its places on its way to another node',
    file: 'actors/call/snapshot.ts',
    line: '  if (state.holds.length > 0) packed.push(packHolds(state.holds));',
    instead: '',
    wishes: { trunk: true, kinds: ['drain'] },
  },
  {
    name: 'the next owner forgets how many began',
    file: 'src/limit/window.ts',
    line: '    return [this.requests, this.perMs, this.#used.map(({ freeAtMs, count }) => [freeAtMs, count])];',
    instead: '    return [this.requests, this.perMs, []];',
    scenario: 'more calls in a second than may begin, and the node that counts is lost',
  },
  {
    name: 'what is lent is not counted',
    file: 'src/limit/window.ts',
    line: '    if (lent > 0) this.#use(lent,',
    instead: '    if (lent > 1e9) this.#use(lent,',
    scenario: 'more calls in a second than may begin, and the node that counts is lost',
  },
  {
    name: 'nobody doubts that a call has its place',
    file: 'actors/limit/behaviour.ts',
    line: '    if (holder.sureUntilMs > nowMs ||',
    instead: '    if (holder.sureUntilMs > 0 ||',
    scenario: 'callers that are gone with the node that asked for them',
  },
  {
    name: 'places are granted before they are saved',
    file: 'actors/limit/behaviour.ts',
    line: "    state.calls = calls;\n    turn.save('store');",
    instead: "    state.calls = calls;\n    turn.save('none');",
    wishes: { trunk: true },
  },
];
