/** What the phones know of a call and of their registrations: facts that the checkers judge by. Times are the world's. */

export interface CallPlan {
  readonly number: number;
  readonly callId: string;
  readonly caller: string;
  /** User part of the callee. */
  readonly callee: string;
  readonly startMs: number;
  /** What each device of the callee does, by its number. */
  readonly devices: readonly DevicePlan[];
  /** Milliseconds after the INVITE; undefined: patient. */
  readonly cancelAfterMs: number | undefined;
  /** After the answer. */
  readonly talkMs: number;
  readonly hangup: 'caller' | 'callee' | 'both';
  /** Milliseconds after the answer, and by whom. */
  readonly reinvite: { readonly afterMs: number; readonly by: 'caller' | 'callee' } | undefined;
  readonly infoEveryMs: number | undefined;
}

export interface DevicePlan {
  readonly ringAfterMs: number;
  readonly does: 'answer' | 'reject' | 'ring';
  readonly status: number;
  readonly afterMs: number;
  /** From so long after the INVITE on it hears nothing of this call any more. */
  readonly deafAfterMs?: number;
  /** Until so long after the caller began it hears nothing of this call. */
  readonly deafUntilMs?: number;
}

/** Call `index` of those after the healing: all devices of the callee must be heard soon. */
export function probeCall(
  index: number,
  devices: number,
  who: Pick<CallPlan, 'callId' | 'caller' | 'callee' | 'startMs'>,
): CallPlan {
  return {
    ...who,
    number: 1_000 + index,
    devices: Array.from({ length: devices }, () => ({ ringAfterMs: 0, does: 'answer', status: 200, afterMs: 20 })),
    cancelAfterMs: undefined,
    talkMs: 500,
    hangup: 'caller',
    reinvite: undefined,
    infoEveryMs: undefined,
  };
}

/** One device of the callee. */
export interface Leg {
  readonly phone: string;
  readonly tag: string;
  readonly branch: string;
  /** Of the INVITE: with the branch it says whether that was a copy of another one. */
  readonly cseq: number;
  readonly invitedAtMs: number;
  ringingAtMs: number;
  /** Final status that it sent, 0 before. */
  final: number;
  finalAtMs: number;
  ackedAtMs: number;
  cancelledAtMs: number;
  /** Its dialog is over: BYE sent or received. */
  endedAtMs: number;
  /** Gave up waiting for an ACK. */
  abandoned: boolean;
}

export interface CallRecord {
  readonly plan: CallPlan;
  /** The INVITE with credentials that was not challenged any more. */
  invitedAtMs: number;
  /** First and last provisional that the caller got. */
  triedAtMs: number;
  ringingAtMs: number;
  /** Final responses to that INVITE that the caller got: status, To tag. */
  readonly finals: { readonly status: number; readonly tag: string; readonly atMs: number }[];
  /** When the caller gave up on it by itself. */
  timedOutAtMs: number;
  cancelledAtMs: number;
  cancelStatus: number;
  cancelTimedOut: boolean;
  readonly legs: Leg[];
  /** When the dialog ended for the caller. */
  endedAtMs: number;
  /** Requests inside of the dialog. */
  readonly requests: DialogRequest[];
}

export interface DialogRequest {
  /** The callee's, by which the dialogs of a fork differ. */
  readonly tag: string;
  readonly by: 'caller' | 'callee';
  readonly method: string;
  readonly sentAtMs: number;
  /** 0: none yet; 408: timed out by the sender itself. */
  status: number;
  endedAtMs: number;
  timedOut: boolean;
}

export interface RegistrationRecord {
  readonly aor: string;
  readonly phone: string;
  readonly contact: string;
  readonly wants: 'bind' | 'unbind';
  readonly sentAtMs: number;
  endedAtMs: number;
  /** 0 while under way or when it timed out. */
  status: number;
  timedOut: boolean;
  expiresMs: number;
  listed: readonly string[];
}

export function newCall(plan: CallPlan): CallRecord {
  return {
    plan,
    invitedAtMs: 0,
    triedAtMs: 0,
    ringingAtMs: 0,
    finals: [],
    timedOutAtMs: 0,
    cancelledAtMs: 0,
    cancelStatus: 0,
    cancelTimedOut: false,
    legs: [],
    endedAtMs: 0,
    requests: [],
  };
}
