/**
 * Invariants 9, 12 and 13, what is due at once while the cluster is in good health: when an INVITE comes again so does its
 * answer; what a phone says of its ringing goes on to the caller; and where one phone declines for all (6xx, RFC 3261 16.7
 * step 5), the others stop ringing. Not where workers lose what they send each other: a 180 over UDP is not repeated.
 * Seen failing with the mutants: 'a repeated INVITE gets no answer', 'a 180 is not relayed', 'a 6xx does not stop the
 * others'.
 */
import type { Observer } from '../observe.ts';
import type { World } from '../world.ts';
import { Calm } from './calm.ts';

const dueMs = 1_200;

interface Due {
  readonly atMs: number;
  readonly callId: string;
  readonly invariant: number;
  readonly isDone: () => boolean;
  readonly what: string;
}

interface Branch {
  rings: boolean;
  final: number;
  cancelled: boolean;
}

export function prompt(world: World): Observer {
  const calm = new Calm(world);
  const dues: Due[] = [];
  /** By branch: INVITEs that were read, and what was last said to them. */
  const invites = new Map<string, { status: number; saidAtMs: number; acked: boolean }>();
  const calls = new Map<
    string,
    { readonly branches: Map<string, Branch>; readonly rung: Set<string>; ended: boolean }
  >();
  const callOf = (callId: string) => {
    let call = calls.get(callId);
    if (call === undefined) calls.set(callId, (call = { branches: new Map(), rung: new Set(), ended: false }));
    return call;
  };
  const branchOf = (callId: string, branch: string): Branch => {
    const { branches } = callOf(callId);
    let found = branches.get(branch);
    if (found === undefined) branches.set(branch, (found = { rings: false, final: 0, cancelled: false }));
    return found;
  };
  const owe = (callId: string, invariant: number, what: string, isDone: () => boolean): void => {
    dues.push({ atMs: world.kernel.nowMs, callId, invariant, isDone, what });
  };
  const collect = (): void => {
    for (let due = dues[0]; due !== undefined && due.atMs + dueMs < world.kernel.nowMs; due = dues[0]) {
      dues.shift();
      if (!due.isDone() && calm.since(due.atMs)) world.fail('prompt', due.invariant, due.what, due.callId);
    }
  };
  return {
    ...calm.observer,
    nodeReceived(_node, _worker, message) {
      collect();
      if (typeof message === 'string') return;
      const acked = message.method === 'ACK' ? invites.get(message.branch) : undefined;
      if (acked !== undefined) acked.acked = true;
      if (message.method !== 'INVITE') return;
      const { callId, branch, status, toTag } = message;
      if (message.isRequest) {
        const before = invites.get(branch);
        if (before === undefined) {
          // That it is answered at all: provisional.ts.
          invites.set(branch, { status: 0, saidAtMs: 0, acked: false });
        } else if (before.status > 0 && (before.status < 200 || (before.status >= 300 && !before.acked))) {
          const atMs = world.kernel.nowMs;
          const what = `an INVITE came again, and its ${before.status} did not`;
          owe(callId, 13, what, () => before.saidAtMs > atMs || before.acked);
        }
        return;
      }
      const call = callOf(callId);
      const own = branchOf(callId, branch);
      if (status >= 200) {
        if (own.final === 0 && status >= 600 && !call.ended) {
          const others = [...call.branches.values()].filter((each) => each.rings && each.final === 0);
          owe(callId, 12, `a phone said ${status} for all, and another one rings on`, () =>
            others.every((each) => each === own || each.final !== 0 || each.cancelled),
          );
        }
        own.final ||= status;
        return;
      }
      own.rings = true;
      if (own.final !== 0) return;
      if (status === 100 || call.rung.has(toTag) || call.ended) return;
      // Its refusal may overtake it.
      owe(
        callId,
        9,
        `a phone said ${status}, and its caller was not told`,
        () => call.rung.has(toTag) || call.ended || own.final >= 300,
      );
    },
    nodeSent(_node, _worker, _flow, message) {
      if (typeof message === 'string') return;
      const { callId, branch, status, toTag, method } = message;
      if (message.isRequest) {
        if (method === 'CANCEL') branchOf(callId, branch).cancelled = true;
        return;
      }
      if (method !== 'INVITE') return;
      const invite = invites.get(branch);
      if (invite !== undefined) {
        invite.status = status;
        invite.saidAtMs = world.kernel.nowMs;
      }
      if (status > 100 && status < 200) callOf(callId).rung.add(toTag);
      if (status >= 200 && status !== 401 && status !== 407) callOf(callId).ended = true;
    },
  };
}
