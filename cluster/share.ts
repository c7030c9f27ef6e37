/**
 * One partition in the eyes of one node: the stage it is in, what the table wants of it, and the move that brings the
 * one to the other.
 */
import { limits } from '../src/limits.ts';

/**
 * - `away`: nothing here. `lost`: sealed to us, but the worker that had it is gone.
 * - `claiming`: seal to ourselves under way. `loading`: told a worker. `serving`: the worker said so.
 * - `freezing`: worker stops and writes. `frozen`: it has. `handing`: seal to the receiver under way or its outcome
 *   unknown. `handed`: sealed to the receiver; until the table says so we forward.
 */
export type Stage = 'away' | 'lost' | 'claiming' | 'loading' | 'serving' | 'freezing' | 'frozen' | 'handing' | 'handed';

/** What the table wants of this node: own it, own it but give it away, get it from its owner, nothing. */
export type Want = 'mine' | 'give' | 'take' | 'none';

export interface Share {
  stage: Stage;
  /** Worker that holds something of it (running, frozen or just queued items), or -1. */
  worker: number;
  /** Epoch under which we sealed it or it was sealed to us. */
  epoch: number;
  /** Highest epoch seen for it anywhere. */
  known: number;
  /** Store operation or freeze that it waits for: answers to another are void. 0: none. */
  operation: number;
  /** `ownerName` of the receiver and epoch of the last seal to it that was tried since we loaded; 0: none. */
  to: string;
  sealEpoch: number;
  /** No new attempt before this. */
  notBeforeMs: number;
  /** When the worker was told to freeze. */
  sinceMs: number;
  /** How many rows the store has of it, as the worker said when it was frozen; 0: unknown, or none. */
  rows: number;
  /** The store may have lost its seal and its rows. */
  doubted: boolean;
}

export function newShare(): Share {
  return {
    stage: 'away',
    worker: -1,
    epoch: 0,
    known: 0,
    operation: 0,
    to: '',
    sealEpoch: 0,
    notBeforeMs: 0,
    sinceMs: 0,
    rows: 0,
    doubted: false,
  };
}

/**
 * - `release`: forget it. `poll`: ask the store whether it is ours by now. `claim`: seal it to ourselves and load.
 * - `freeze`, `thaw`: as the worker effects. `hand`: seal it to the receiver. `resolve`: ask whether that seal happened.
 */
export type Move = 'stay' | 'release' | 'poll' | 'claim' | 'freeze' | 'thaw' | 'hand' | 'resolve';

export interface Circumstances {
  readonly nowMs: number;
  /** The node writes everything and goes: nothing is claimed or given any more. */
  readonly closing: boolean;
  /** Polls are due. */
  readonly pollDue: boolean;
}

/**
 * The move of one share. `receiver` is the `ownerName` that shall get it when the want is `give`; `rightWorker`: the
 * worker that has it is the one that shall have it.
 */
export function moveOf(share: Share, want: Want, receiver: string, rightWorker: boolean, now: Circumstances): Move {
  const { closing } = now;
  const ready = now.nowMs >= share.notBeforeMs;
  switch (share.stage) {
    case 'away':
      if (want === 'none') return share.worker >= 0 ? 'release' : 'stay';
      if (closing) return 'stay';
      if (want === 'take') return now.pollDue ? 'poll' : 'stay';
      return ready ? 'claim' : 'stay';
    case 'lost':
      if (want === 'none') return 'release';
      return !closing && ready ? 'claim' : 'stay';
    case 'claiming':
    case 'loading':
      return want === 'none' ? 'release' : 'stay';
    case 'serving':
      if (want === 'none') return 'release';
      return ready && (closing || want === 'give' || (want === 'mine' && !rightWorker)) ? 'freeze' : 'stay';
    case 'freezing':
    case 'frozen':
      // With a seal tried, `take` means that the seal happened, and that we missed a table in between.
      if (want === 'none' || (want === 'take' && share.sealEpoch > 0)) return 'release';
      return closing ? 'stay' : moveOfStopped(share, want, rightWorker, now.nowMs);
    case 'handing':
    case 'handed':
      // Also when it is on its way back to us already and we missed the table in between.
      if (want === 'none' || want === 'take') return 'release';
      if (closing) return 'stay';
      if (receiver !== share.to) return 'claim'; // Its receiver died: take it back, above the epoch of that seal.
      return share.stage === 'handing' && share.operation === 0 && ready ? 'resolve' : 'stay';
  }
}

function moveOfStopped(share: Share, want: Want, rightWorker: boolean, nowMs: number): Move {
  if (share.stage === 'freezing') {
    const needless = want !== 'give' && rightWorker;
    return needless || nowMs - share.sinceMs >= limits.freezeMs ? 'thaw' : 'stay';
  }
  if (nowMs < share.notBeforeMs) return 'stay';
  if (want === 'give') return 'hand';
  // Once a seal was tried, a receiver may have had it and changed it: what we hold is old, so load afresh.
  return rightWorker && share.sealEpoch === 0 ? 'thaw' : 'claim';
}

/** Partitions collected under a key, in order of first use. */
export class Groups<K> extends Map<K, number[]> {
  add(key: K, partition: number): void {
    const group = this.get(key);
    if (group === undefined) this.set(key, [partition]);
    else group.push(partition);
  }
}
