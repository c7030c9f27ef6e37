/**
 * The way to a phone whose connection is gone: the next one that the same phone opens, which its address-of-record hears of
 * by the REGISTER that comes over it (RFC 5626 5.3; without an instance the same Contact will do). Then what was not
 * delivered goes that way: requests inside of dialogs, CANCELs, responses; a new request only if that way is known already.
 *
 * Asked only when there is a reason: the transport says that a packet did not leave, or the peer is silent for
 * `limits.flowDoubtMs` where it should answer (it was under way when a node was lost, or nobody was told that the
 * connection is dead), or it says something again that we have answered. Nothing of that is in the snapshot: a new owner
 * repeats what waits on connections, and finds out.
 */
import { limits } from '../../src/limits.ts';
import type { Flow } from '../../src/outside.ts';
import { sentByFlow } from '../../src/proxy/response-flow.ts';
import { aorOf, parseUri } from '../../src/sip/uri.ts';
import { ServerTransaction } from '../../src/transaction/machine.ts';
import type { Transaction } from '../../src/transaction/machine.ts';
import { packWay, unpackWayAnswer } from '../questions.ts';
import { readAgain } from './read-again.ts';
import { awaitsPeer } from './streams.ts';
import type { Act } from './act.ts';
import type { Branch, Context, Owner } from './state.ts';

/** A connection that leads nowhere, or nowhere that we are sure of. */
export interface LostWay {
  readonly connection: string;
  readonly account: string;
  /** The Contact of the phone. */
  readonly uri: string;
  readonly sinceMs: number;
  /** The question that is under way, 0 when none is. */
  askId: number;
  /** How often it was asked, and when last. */
  asked: number;
  askedAtMs: number;
  /** Keys of transactions whose message did not leave, with how often had been asked before that. */
  readonly unsent: Map<string, number>;
}

/** For an ACK, which has no transaction of its own. */
const ackPrefix = 'A ';

export function ackToken(connection: string): string {
  return ackPrefix + connection;
}

export function isConnection(flow: Flow): boolean {
  return flow.protocol !== 'udp' && flow.connection !== '';
}

/** By what we hear that a message of this transaction did not leave: its key, and the connection that it was given to. */
export function tokenOf({ key, flow }: Transaction): string {
  return isConnection(flow) ? `${key}\n${flow.connection}` : key;
}

export function keyOf(token: string): string {
  const end = token.indexOf('\n');
  return end < 0 ? token : token.slice(0, end);
}

/**
 * True when the transaction goes by another connection by now than the one that says, late, that a message did not leave:
 * whatever waited for an answer was said again there. The response of one that has ended waits for nothing, so it is now.
 */
export function isBygone(act: Act, key: string, connection: string): boolean {
  const tx = ownerOf(act, key)?.tx;
  if (tx === undefined || !isConnection(tx.flow) || tx.flow.connection === connection) return false;
  if (tx instanceof ServerTransaction && tx.terminated) act.resend(tx);
  return true;
}

/** The packet sent with this token did not leave. True when another way is looked for; then it has not failed yet. */
export function seekWay(act: Act, token: string): boolean {
  if (act.registrar !== undefined) return false;
  for (const lost of act.state.lost) if (lost.unsent.has(token)) return true;
  const owner = ownerOf(act, token);
  if (owner !== undefined) {
    const way = wayBehind(act, owner);
    return way !== undefined && lose(act, owner.tx.flow, way, token);
  }
  if (!token.startsWith(ackPrefix)) return false;
  // The 2xx comes again, and with it the ACK: for that one the way will be known.
  const connection = token.slice(ackPrefix.length);
  for (const { fromReach, toReach } of act.state.dialogs.all())
    for (const reach of [fromReach, toReach])
      if (reach?.flow.connection === connection) return lose(act, reach.flow, reach, '');
  return false;
}

/** A peer answers by another connection than we asked it by: what we still have to say to it goes there. */
export function follow(tx: Transaction, flow: Flow): void {
  if (!isConnection(tx.flow) || tx.flow.connection === flow.connection) return;
  if (tx.flow.protocol === flow.protocol) tx.flow = flow;
}

/** A callee says its 2xx again: the caller may not have it. */
export function doubtWayBack(act: Act, context: Context): void {
  const { flow } = context.server;
  if (!isConnection(flow) || isLost(act, flow)) return;
  const way = wayBehind(act, { tx: context.server, context, branch: undefined });
  if (way !== undefined) lose(act, flow, way, '');
}

/** Arms timer W: something went out over a connection. */
export function watch(act: Act): void {
  if (act.registrar !== undefined) return;
  act.state.isWatched = true;
  act.turn.timer('W', Math.max(act.turn.nowMs, act.timersNotBeforeMs) + limits.flowDoubtMs);
}

export function onWayTimer(act: Act): void {
  const { state, turn } = act;
  state.isWatched = false;
  for (const lost of state.lost) ask(act, lost);
  let isWaiting = false;
  for (const owner of [...state.owners.values()]) {
    const { tx } = owner;
    if (!isConnection(tx.flow) || !isOwedAnswer(tx)) continue;
    isWaiting = true;
    if (turn.nowMs - tx.timeoutStartedAtMs < limits.flowDoubtMs || isLost(act, tx.flow)) continue;
    const way = wayBehind(act, owner);
    if (way !== undefined) lose(act, tx.flow, way, '');
  }
  if (isWaiting) watch(act);
  if (state.lost.length > 0) watchSoon(act);
}

/** The answer to one of our questions, undefined when nobody gave one. False when the question is none of ours. */
export function onWay(act: Act, id: number, body: unknown): boolean {
  for (const lost of act.state.lost) {
    if (lost.askId !== id) continue;
    lost.askId = 0;
    const way = unpackWayAnswer(body) ?? 'same';
    if (way === 'none') giveUp(act, lost, () => true);
    else if (way === 'same' || way.connection === lost.connection) waitFor(act, lost);
    else turnTo(act, lost, way);
    return true;
  }
  return false;
}

/** Whom the request of this context came from: proven, or as it says of itself when it is one of ours. */
export function callerAccount(act: Act, context: Context): string {
  if (context.user !== '' || context.flow.protocol === 'udp') return context.user;
  const uri = parseUri(context.request.from.uri);
  return uri !== undefined && uri.user !== '' && act.deps.self.isResponsible(uri) ? aorOf(uri) : '';
}

function lose(act: Act, flow: Flow, way: { readonly account: string; readonly uri: string }, key: string): boolean {
  const { state } = act;
  if (!isConnection(flow) || way.account === '') return false;
  let one = state.lost.find((each) => each.connection === flow.connection);
  if (one === undefined) {
    if (state.lost.length >= limits.lostFlowsPerCallMax) return false;
    const { account, uri } = way;
    one = {
      connection: flow.connection,
      account,
      uri,
      sinceMs: act.turn.nowMs,
      askId: 0,
      asked: 0,
      askedAtMs: 0,
      unsent: new Map(),
    };
    state.lost = [...state.lost, one];
    act.turn.count('flow-doubts');
  }
  if (key !== '') one.unsent.set(key, one.asked);
  ask(act, one);
  return true;
}

function isLost(act: Act, flow: Flow): boolean {
  return act.state.lost.some((each) => each.connection === flow.connection);
}

function forget(act: Act, lost: LostWay): void {
  act.state.lost = act.state.lost.filter((each) => each !== lost);
}

function ask(act: Act, lost: LostWay): void {
  if (lost.askId !== 0 || act.turn.nowMs - lost.askedAtMs < limits.flowAskMs) return;
  lost.asked++;
  lost.askedAtMs = act.turn.nowMs;
  lost.askId = act.turn.ask({ kind: 'aor', key: lost.account }, packWay(lost), true);
}

/** The phone has no other connection yet. What is not new may wait for it. */
function waitFor(act: Act, lost: LostWay): void {
  const isOver = act.turn.nowMs - lost.sinceMs >= limits.flowReturnMs;
  giveUp(act, lost, (owner) => isOver || !mayWait(owner));
  if (lost.unsent.size === 0) return forget(act, lost);
  for (const [key, before] of lost.unsent) {
    const owner = ownerOf(act, key);
    if (owner === undefined || owner.tx.flow.connection !== lost.connection) continue;
    // It has ended meanwhile, and nothing is left to send.
    if (owner.tx.sent.length === 0) continue;
    // RFC 3261 18.2.2: a response may go to where the phone listens, if it does. It keeps its flow: by that we find the phone.
    if (owner.branch === undefined) {
      if (lost.asked === 1) act.turn.send(sentByFlow(owner.context.request, owner.tx.flow), owner.tx.sent, key);
    }
    // Whoever could not be asked to send it may be there again.
    else if (isSlot(lost.asked - before)) act.resend(owner.tx);
  }
  watchSoon(act);
}

/** Twice as long from one to the next, as timer A has it. */
function isSlot(asked: number): boolean {
  return asked > 1 && ((asked - 1) & (asked - 2)) === 0;
}

/** Ends the waiting of some: their messages have not left. */
function giveUp(act: Act, lost: LostWay, which: (owner: Owner) => boolean): void {
  for (const key of [...lost.unsent.keys()]) {
    const owner = ownerOf(act, key);
    if (owner !== undefined && !which(owner)) continue;
    lost.unsent.delete(key);
    if (owner === undefined) continue;
    if (owner.tx.terminated) act.sendAnew(owner);
    else act.step(owner, 'transport-error');
  }
  if (lost.unsent.size === 0) forget(act, lost);
}

/** The phone is reached by another connection: all of the call that knew the old one goes there from now on. */
function turnTo(act: Act, lost: LostWay, flow: Flow): void {
  const { state, turn } = act;
  turn.count('flows-found-again');
  forget(act, lost);
  for (const dialog of state.dialogs.all()) {
    const { fromReach, toReach } = dialog;
    if (fromReach?.flow.connection === lost.connection) dialog.fromReach = { ...fromReach, flow };
    if (toReach?.flow.connection === lost.connection) dialog.toReach = { ...toReach, flow };
  }
  for (const context of [...state.contexts.values()]) {
    turnOne(act, lost, { tx: context.server, context, branch: undefined }, flow);
    for (const branch of context.branches) {
      turnOne(act, lost, { tx: branch.tx, context, branch }, flow);
      if (branch.cancel !== undefined) turnOne(act, lost, { tx: branch.cancel, context, branch }, flow);
    }
  }
  if (state.saved) turn.save('none');
}

function turnOne(act: Act, lost: LostWay, owner: Owner, flow: Flow): void {
  const { tx } = owner;
  const isUnsent = lost.unsent.has(tx.key);
  if (!isUnsent && tx.flow.connection !== lost.connection) return;
  // What it says of itself (Via) belongs to its transport.
  if (tx.flow.protocol !== flow.protocol) {
    if (isUnsent) giveUp(act, lost, (other) => other.tx === tx);
    return;
  }
  tx.flow = flow;
  if (tx.sent.length > 0 && (awaitsPeer(tx) || (isUnsent && tx.state !== 'confirmed'))) act.resend(tx);
}

/** A caller of something new hears at once that it cannot be delivered. */
function mayWait({ tx, context, branch }: Owner): boolean {
  return branch === undefined || tx === branch.cancel || context.request.toTag !== '';
}

/** Who has to answer within moments, and where nobody else would notice that it does not. */
function isOwedAnswer(tx: Transaction): boolean {
  return tx instanceof ServerTransaction ? tx.state === 'completed' && awaitsPeer(tx) : awaitsPeer(tx);
}

/** Who knows other ways to the peer of this transaction, and the Contact by which that is known. */
function wayBehind(act: Act, { tx, context, branch }: Owner): { account: string; uri: string } | undefined {
  if (!isConnection(tx.flow)) return undefined;
  if (branch !== undefined)
    return branch.account === '' ? undefined : { account: branch.account, uri: targetOf(branch) };
  const { request } = context;
  const dialog = request.toTag === '' ? undefined : act.state.dialogs.find(request.fromTag, request.toTag);
  if (dialog !== undefined) return request.fromTag === dialog.fromTag ? dialog.fromReach : dialog.toReach;
  const account = request.toTag === '' ? callerAccount(act, context) : '';
  if (account === '') return undefined;
  const { contacts } = request;
  return { account, uri: contacts === '*' ? '' : (contacts[0]?.uri ?? '') };
}

function targetOf({ tx }: Branch): string {
  return readAgain(tx.sent)?.requestUri ?? '';
}

function ownerOf(act: Act, key: string): Owner | undefined {
  return act.state.owners.get(key) ?? act.ended(key);
}

function watchSoon(act: Act): void {
  act.state.isWatched = true;
  act.turn.timer('W', act.turn.nowMs + limits.flowAskMs);
}
