/**
 * One input being handled by one call: the state, the turn, and the world that its transactions see. Steps the machines,
 * keeps the books of who owns which transaction, and hands what they pass up to the transaction user (respond.ts).
 */
import { build100, reply } from './respond.ts';
import { onBranchFailure, onBranchResponse } from './branch-response.ts';
import { forwardAck } from './ack.ts';
import { ack as buildAck } from '../../src/sip/build.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import type { Flow } from '../../src/outside.ts';
import { sentByFlow } from '../../src/proxy/response-flow.ts';
import { apply, begin, destroy } from '../../src/transaction/machine.ts';
import type { Sink, Transaction } from '../../src/transaction/machine.ts';
import type { Event, Failure } from '../../src/transaction/table.ts';
import type { TimerName } from '../../src/transaction/timers.ts';
import type { Turn } from '../entity.ts';
import { readAgain } from './read-again.ts';
import { stopTimerC } from './timer-c.ts';
import { isBygone, isConnection, keyOf, seekWay, tokenOf, watch } from './way.ts';
import type { CallDeps } from './deps.ts';
import type { CallState, Context, Owner } from './state.ts';

export class Act implements Sink {
  readonly state: CallState;
  readonly turn: Turn;
  readonly deps: CallDeps;
  /** The message being handled: what `pass` and `ack` are about. */
  message: SipMessage | undefined;
  flow: Flow | undefined;
  /** What the decision `register` does; only an address-of-record can do it. */
  registrar: ((act: Act, context: Context) => void) | undefined;

  /** Something got its final answer in this turn. */
  hasAnswers = false;

  /** No timer fires before this: after a takeover, what waited for us is heard before anything is repeated. */
  timersNotBeforeMs = 0;

  constructor(state: CallState, turn: Turn, deps: CallDeps) {
    this.state = state;
    this.turn = turn;
    this.deps = deps;
  }

  own(owner: Owner): void {
    this.state.owners.add(owner);
  }

  begin(owner: Owner, bytes?: Uint8Array): void {
    this.own(owner);
    begin(owner.tx, this.turn.nowMs, this, bytes);
  }

  /** Steps a machine; a transaction that has ended is forgotten, and with its last one the context. */
  step(owner: Owner, event: Event, bytes?: Uint8Array): void {
    apply(owner.tx, event, this.turn.nowMs, this, bytes);
    this.tidy(owner);
  }

  end(owner: Owner): void {
    destroy(owner.tx, this);
    this.tidy(owner);
  }

  /** Forgets a transaction that has ended. */
  tidy(owner: Owner): void {
    if (!owner.tx.terminated) return;
    this.state.owners.delete(owner.tx.key);
    const { context } = owner;
    if (!context.server.terminated) return;
    for (const branch of context.branches) {
      if (!branch.tx.terminated || (branch.cancel !== undefined && !branch.cancel.terminated)) return;
    }
    this.forget(context);
  }

  forget(context: Context): void {
    if (!this.state.contexts.delete(context.id)) return;
    if (context.noAnswerAtMs !== 0) this.turn.clearTimer(`N ${context.id}`);
    for (const branch of context.branches) stopTimerC(this, branch);
    // What is kept of it on disk may go; nobody waits for that. A request inside of a dialog that was answered before it was
    // ever kept, or is kept as answered, does no harm there: a write of the whole call for each of them would.
    if (this.state.saved && (context.method === 'INVITE' || context.keptPending)) this.turn.save('none');
  }

  // Sink: what the machines ask for.

  send(tx: Transaction): void {
    this.turn.send(tx.flow, tx.sent, tokenOf(tx));
    if (!this.state.isWatched && isConnection(tx.flow)) watch(this);
  }

  resend(tx: Transaction): void {
    this.turn.send(tx.flow, tx.sent, tokenOf(tx));
  }

  ack(tx: Transaction): void {
    if (this.message === undefined) return;
    const invite = readAgain(tx.sent);
    if (invite !== undefined) this.turn.send(tx.flow, buildAck(invite, this.message));
  }

  pass(tx: Transaction): void {
    const owner = this.state.owners.get(tx.key);
    if (owner === undefined || this.message === undefined) return;
    if (owner.branch !== undefined) {
      if (owner.tx === owner.branch.tx) onBranchResponse(this, owner.branch, this.message);
      return;
    }
    // RFC 6026 8.7: the ACK to a 2xx that shares the INVITE's branch.
    if (this.message.method === 'ACK' && this.flow !== undefined) forwardAck(this, this.message, this.flow, tx.key);
  }

  timer(tx: Transaction, name: TimerName, atMs: number): void {
    this.turn.timer(tx.timerName(name), Math.max(atMs, this.timersNotBeforeMs));
  }

  clearTimer(tx: Transaction, name: TimerName): void {
    this.turn.clearTimer(tx.timerName(name));
  }

  tell(tx: Transaction, what: Failure): void {
    const owner = this.state.owners.get(tx.key);
    if (owner === undefined) return;
    if (owner.branch !== undefined) {
      if (owner.tx === owner.branch.tx) onBranchFailure(this, owner.branch, what);
      return;
    }
    this.turn.count(`server-transaction-${what}`);
    if (what === 'transport-error') this.sendAnew(owner);
  }

  /** The packet sent with this token (`tokenOf`) did not leave (18.4, 16.9). */
  undelivered(token: string): void {
    const key = keyOf(token);
    if (token.length > key.length && isBygone(this, key, token.slice(key.length + 1))) return;
    if (seekWay(this, key)) return;
    const owner = this.state.owners.get(key);
    if (owner !== undefined) return this.step(owner, 'transport-error');
    const ended = this.ended(key);
    if (ended !== undefined) this.sendAnew(ended);
  }

  /** On a stream the transaction ends with its response (timer J is 0), the context a little later. */
  ended(key: string): Owner | undefined {
    for (const context of this.state.contexts.values())
      if (context.server.key === key) return { tx: context.server, context, branch: undefined };
    return undefined;
  }

  /** 18.2.2: the connection of the request is gone; its response tries a new one, once. */
  sendAnew({ tx, context }: Owner): void {
    if (tx.flow.connection === '' || tx.sent.length === 0) return;
    tx.flow = sentByFlow(context.request, tx.flow);
    this.resend(tx);
  }

  /** What our Record-Route of this call carries (identifiers.ts); computed once. */
  get proof(): string {
    if (this.state.proof === '') {
      this.state.proof = this.deps.identifiers.routeProof(this.turn.partition, this.state.callId);
    }
    return this.state.proof;
  }

  /** A final answer went out or came in: to be called when the input has been handled. */
  rest(): void {
    if (!this.hasAnswers) return;
    for (const context of this.state.contexts.values()) {
      if (context.isAtRest || !context.isOver) continue;
      context.rest();
      for (const { tx } of context.branches) tx.rest();
    }
  }

  // Shortcuts used all over the call.

  reply(context: Context, status: number, reason?: string, headers?: readonly (readonly [string, string])[]): void {
    reply(this, context, status, reason, headers);
  }

  trying(context: Context): void {
    this.step({ tx: context.server, context, branch: undefined }, '1xx', build100(context));
  }
}
