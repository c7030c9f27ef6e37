/**
 * Invariants 9, 11 and 12: a call whose caller was told that something goes on comes to an end that both sides know: a
 * callee's 2xx reaches the caller (unless another answered first or it was cancelled), a CANCEL is answered and the INVITE
 * gets 487 or a 2xx; no INVITE is silent for ever; no device is invited twice by one INVITE.
 * Seen failing with: the branch named by a random number instead of identifiers.branch; `cancelled` not in the snapshot.
 */
import type { Observer } from '../observe.ts';
import type { CallRecord, Leg } from '../phone/history.ts';
import type { Message } from '../phone/message.ts';
import type { History } from '../stage.ts';
import { callMayMiss } from './streams.ts';

/** Timers of RFC 3261 that wait for an ACK or an answer (64*T1). */
const settlingMs = 32_000;

export function ringingCalls(world: History): Observer {
  // Challenges are sent once for each copy of an INVITE and not repeated (RFC 3261 26.3.2.4): when the network loses the
  // answer to every copy that met somebody, the caller times out and nobody broke a promise.
  const challenged = new Map<string, number>();
  const invited = new Map<string, number>();
  const copies = new Copies(world);
  return {
    phoneSent(_phone, message) {
      if (message.method === 'INVITE' && message.toTag.length === 0) invited.set(message.callId, message.cseq);
    },
    nodeReceived(_node, _worker, message) {
      if (typeof message !== 'string' && message.isRequest && message.method === 'INVITE') copies.read(message);
    },
    nodeSent(_node, _worker, _flow, message) {
      if (typeof message === 'string' || (message.status !== 401 && message.status !== 407)) return;
      if (message.method === 'INVITE') challenged.set(message.callId, message.cseq);
    },
    phase(phase) {
      if (phase !== 'end') return;
      for (const call of world.calls) {
        const { callId } = call.plan;
        const cseq = invited.get(callId) ?? 0;
        check(world, call, cseq === challenged.get(callId) || copies.areLost(callId, cseq));
      }
    },
  };
}

/**
 * The copies of an INVITE that a node has read. Seven are sent; where the network loses most of them, and nodes stand still or
 * are gone with the few that are left, nobody was there to answer.
 */
class Copies {
  readonly #world: History;
  readonly #readMs = new Map<string, number[]>();

  constructor(world: History) {
    this.#world = world;
  }

  read({ callId, cseq }: Message): void {
    const key = `${callId} ${cseq}`;
    const times = this.#readMs.get(key);
    const { nowMs } = this.#world.kernel;
    if (times === undefined) this.#readMs.set(key, [nowMs]);
    // Who stood still reads all that came meanwhile in one moment.
    else if (nowMs - times.at(-1)! > sameMomentMs) times.push(nowMs);
  }

  /** They were read in two moments at most, and each while a node was on its way to be replaced. */
  areLost(callId: string, cseq: number): boolean {
    // Where nothing tells what is read (sim/real), all of them were.
    const times = this.#readMs.get(`${callId} ${cseq}`);
    if (times === undefined) return false;
    const ends = this.#world.options.faults.filter(({ kind }) => endsOwners.has(kind));
    return (
      times.length <= 2 &&
      times.every((ms) => ends.some(({ atMs, forMs }) => atMs - underWayMs < ms && ms < atMs + forMs + takenOverMs))
    );
  }
}

const sameMomentMs = 10;
/** What was read may still wait for the store then. */
const underWayMs = 1_000;
/** A lease lapses, others vote, rows are loaded. */
const takenOverMs = 6_000;
const endsOwners: ReadonlySet<string> = new Set(['crash', 'worker-crash', 'pause', 'isolate', 'island']);

function check(world: History, call: CallRecord, isExcused: boolean): void {
  const { callId } = call.plan;
  const legs = new Map<string, Leg>();
  for (const leg of call.legs) {
    const before = legs.get(leg.phone);
    // A caller without an answer, whose call was lost, is challenged again and sends another INVITE.
    const isOther =
      before !== undefined && before.branch !== leg.branch && (world.isStrict || before.cseq === leg.cseq);
    if (isOther)
      world.fail('ringing-calls', 11, `${leg.phone} was invited twice: ${before.branch} and ${leg.branch}`, callId);
    legs.set(leg.phone, leg);
  }
  if (!world.isStrict || call.invitedAtMs === 0) return;
  const final = call.finals[0];
  const lastMs = Math.max(final?.atMs ?? 0, call.cancelledAtMs, ...call.legs.map((leg) => leg.finalAtMs));
  // A caller without an answer waits as long as the callees may ring.
  const waitedMs = final === undefined ? call.invitedAtMs + world.options.noAnswerMs + settlingMs : 0;
  if (callMayMiss(world, call, call.plan.startMs, Math.max(lastMs + settlingMs, waitedMs))) return;
  if (call.triedAtMs > 0 && final === undefined && call.timedOutAtMs === 0)
    world.fail('ringing-calls', 9, 'the caller heard a provisional response and then nothing', callId);
  if (call.timedOutAtMs > 0 && !isExcused) world.fail('ringing-calls', 9, 'the INVITE was never answered', callId);
  for (const leg of call.legs)
    if (leg.final >= 300 && leg.abandoned)
      world.fail('ringing-calls', 12, `nobody acknowledged the ${leg.final} of ${leg.phone}`, callId);
  const answered = call.legs.filter((leg) => leg.final >= 200 && leg.final < 300);
  const patientMs = call.invitedAtMs + world.options.noAnswerMs;
  for (const leg of answered) {
    if (call.cancelledAtMs > 0 || answered.length > 1 || leg.finalAtMs > patientMs - 200) continue;
    if (!call.finals.some((each) => each.tag === leg.tag))
      world.fail('ringing-calls', 9, `${leg.phone} answered and the caller got ${final?.status ?? 'nothing'}`, callId);
  }
  if (call.cancelledAtMs === 0) return;
  if (call.cancelTimedOut) world.fail('ringing-calls', 12, 'the CANCEL was never answered', callId);
  if (call.cancelStatus !== 200 && call.cancelStatus !== 481)
    world.fail('ringing-calls', 12, `the CANCEL got ${call.cancelStatus}`, callId);
}
