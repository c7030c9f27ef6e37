/** The address-of-record actor: registrar (RFC 3261 10), location service, and judge of its owner's credentials. */
import assert from 'node:assert';
import { limits } from '../../src/limits.ts';
import { offeredTo } from '../../src/auth/offer.ts';
import { NonceWindows } from '../../src/auth/replay.ts';
import { verify } from '../../src/auth/verify.ts';
import type { UserRecord } from '../../src/auth/verify.ts';
import { expire, lookup, nextExpiryMs, noBindings, pack, register, unpack } from '../../src/registrar/bindings.ts';
import { destinationOf } from '../../src/registrar/target.ts';
import { wayOf } from '../../src/registrar/way.ts';
import type { Act } from '../call/act.ts';
import { onAnswer, onAskFailed } from '../call/decide.ts';
import { route } from '../call/incoming.ts';
import { packPending, unpackCall } from '../call/snapshot.ts';
import type { Context } from '../call/state.ts';
import type { Asker, Behaviour, Input, Turn } from '../entity.ts';
import { packLocation, packVerifyAnswer, packWayAnswer, unpackAorQuestion } from '../questions.ts';
import type { VerifyQuestion } from '../questions.ts';
import { resume } from '../../src/transaction/machine.ts';
import { takeoverGraceMs } from '../../src/transaction/timers.ts';
import type { TimerName } from '../../src/transaction/timers.ts';
import { recall, remember } from './nonces.ts';
import {
  borrowRequests,
  forgetAnswered,
  giveBackRequests,
  noRequests,
  onRequest,
  RegistrarAct,
  undelivered,
} from './request.ts';
import { asQuery, wasDone } from './repeated.ts';
import type { AorDeps, AorState } from './state.ts';

/** Raise it when a position changes its meaning; nodes read this and the one before. */
const schema = 1;

export interface RegistrationView {
  readonly aor: string;
  readonly contact: string;
  readonly q: number;
  /** Cluster time in milliseconds. */
  readonly expiresAtMs: number;
  readonly registeredAtMs: number;
  /** Where the REGISTER came from: `udp:192.0.2.1:5060`. */
  readonly source: string;
  readonly userAgent: string;
}

export function aorBehaviour(deps: AorDeps): Behaviour<AorState> {
  return {
    create: (aor, turn) => ({
      aor,
      bindings: noBindings,
      windows: freshWindows(turn),
      requests: noRequests,
      waiting: [],
    }),
    receive: (state, input, turn) => receive(state, input, turn, deps),
    pack: (state) => {
      if (state.bindings.length === 0 && state.requests.contexts.size === 0) return null;
      return [schema, pack(state.bindings), state.requests.contexts.size === 0 ? null : packPending(state.requests)];
    },
    unpack: (aor, packed, turn) => takeUp(aor, packed, turn, deps),
    isIdle: (state) => state.requests.contexts.size === 0 && state.waiting.length === 0,
    remember,
    recall,
    passivateAfterMs: limits.passivateSoonMs,
    nextWakeMs: (state) => nextExpiryMs(state.bindings),
    describe: (state) => `aor ${state.aor} bindings ${state.bindings.length} requests ${state.requests.contexts.size}`,
    view,
  };
}

function receive(state: AorState, input: Input, turn: Turn, deps: AorDeps): void {
  if (input.type === 'sip' && state.requests === noRequests) state.requests = borrowRequests(state.aor);
  const act = actOf(state, turn, deps);
  switch (input.type) {
    case 'sip':
      onRequest(act, input.message, input.flow);
      break;
    case 'timer':
      onTimer(state, act, input.name);
      break;
    case 'answer':
      onAnswer(act, input.id, input.body);
      break;
    case 'ask-failed':
      onAskFailed(act, input.id);
      break;
    case 'undelivered':
      if (!undelivered(turn, input.token)) act.undelivered(input.token);
      break;
    case 'ask':
      onAsk(state, input.asker, input.body, turn, deps);
      break;
    case 'tell':
      // The directory knows more of our owner than before.
      for (const [asker, question] of state.waiting.splice(0)) answer(state, asker, question, turn, deps);
      break;
  }
  if (state.requests.contexts.size > 0) forgetAnswered(act);
  if (state.requests.contexts.size === 0) {
    giveBackRequests(state.requests);
    state.requests = noRequests;
  }
  if (
    state.bindings.length === 0 &&
    state.requests.contexts.size === 0 &&
    state.waiting.length === 0 &&
    state.windows.size === 0
  )
    turn.stop();
}

function onAsk(state: AorState, asker: Asker, body: unknown, turn: Turn, deps: AorDeps): void {
  const question = unpackAorQuestion(body);
  if (question === undefined) return turn.count('aor-unknown-ask');
  if (question.ask === 'way')
    return turn.answer(asker, packWayAnswer(wayOf(state.bindings, question.connection, question.uri, turn.nowMs)));
  answer(state, asker, question.ask === 'locate' ? 'locate' : question, turn, deps);
}

function answer(state: AorState, asker: Asker, question: VerifyQuestion | 'locate', turn: Turn, deps: AorDeps): void {
  const user = deps.directory.record(state.aor);
  if (user === 'loading') {
    // Asked again every now and then by its asker: one place each is enough.
    if (state.waiting.length < limits.mailboxItemsPerEntityMax && !isWaiting(state, asker))
      state.waiting.push([asker, question]);
    return;
  }
  if (question === 'locate') turn.answer(asker, packLocation(locationOf(state, user !== undefined, turn.nowMs)));
  else turn.answer(asker, packVerifyAnswer(judge(state, question, user, turn, deps)));
}

function isWaiting(state: AorState, asker: Asker): boolean {
  return state.waiting.some(([other]) => other.id === asker.id && other.key === asker.key && other.kind === asker.kind);
}

function locationOf(state: AorState, known: boolean, nowMs: number): Parameters<typeof packLocation>[0] {
  const contacts = lookup(state.bindings, nowMs).map((binding) => {
    const { requestUri, route: path, flow } = destinationOf(binding);
    return { uri: requestUri, path, flow };
  });
  return { known: known || contacts.length > 0, contacts };
}

function judge(
  state: AorState,
  question: VerifyQuestion,
  user: UserRecord | undefined,
  turn: Turn,
  deps: AorDeps,
): Parameters<typeof packVerifyAnswer>[0] {
  const verdict = verify(question, user, {
    realm: question.realm,
    secret: deps.nonceSecret,
    algorithms: offeredTo(question.userAgent),
    nowMs: turn.nowMs,
    random8: deps.random.bytes(8),
    windows: state.windows,
  });
  if (verdict !== 'ok') return { challenges: verdict.challenge, cause: verdict.cause };
  // Without bindings only the used nonces keep us, until they are too old to matter.
  if (state.bindings.length === 0) armExpiry(state, turn);
  return 'ok';
}

function registerHere(state: AorState, act: Act, context: Context, deps: AorDeps): void {
  const { turn } = act;
  const request = wasDone(state.bindings, context.request) ? asQuery(context.request) : context.request;
  const result = register(state.bindings, request, {
    nowMs: turn.nowMs,
    flow: context.flow,
    limits: deps.registrar,
  });
  state.bindings = result.bindings;
  act.reply(context, result.status, result.reason === '' ? undefined : result.reason, result.headers);
  if (result.changed === 'none') return;
  armExpiry(state, turn);
  turn.count(result.changed === 'change' ? 'registration-changes' : 'registration-refreshes');
  // What a 200 promised survives the node; a change survives the machine too. A lost refresh leaves the old expiry.
  const promisedTo = { message: context.request, flow: context.flow };
  turn.save('store', { durable: result.changed === 'change', promisedTo });
}

function onTimer(state: AorState, act: Act, name: string): void {
  if (name !== 'expire') {
    const owner = state.requests.owners.get(name.slice(2));
    if (owner !== undefined) act.step(owner, name.slice(0, 1) as TimerName);
    return;
  }
  const left = expire(state.bindings, act.turn.nowMs);
  if (left !== state.bindings) {
    act.turn.count('registrations-expired');
    state.bindings = left;
    act.turn.save('none');
  }
  if (left.length === 0) state.windows = freshWindows(act.turn);
  else armExpiry(state, act.turn);
}

/**
 * Nobody knows which older nonces were used: we were asleep, or another node was the judge. They count as used, and the
 * phone is told `stale=true` and tries again by itself; those of requests that may be under way now are good.
 */
function freshWindows(turn: Turn): NonceWindows {
  return NonceWindows.startingAt(turn.nowMs - limits.nonceGraceMs);
}

function armExpiry(state: AorState, turn: Turn): void {
  const atMs = nextExpiryMs(state.bindings);
  // Without bindings only the used nonces are left, and they are soon too old to matter.
  turn.timer('expire', atMs === 0 ? turn.nowMs + limits.nonceLifetimeMs : atMs);
}

function takeUp(aor: string, packed: readonly unknown[], turn: Turn, deps: AorDeps): AorState {
  assert(packed[0] === schema, `an address-of-record of schema ${String(packed[0])} cannot be read`);
  const requests = packed[2];
  const state: AorState = {
    aor,
    bindings: unpack(packed[1] as readonly unknown[]),
    windows: freshWindows(turn),
    requests: Array.isArray(requests) ? unpackCall(aor, requests, turn.partition, deps) : noRequests,
    waiting: [],
  };
  armExpiry(state, turn);
  const act = actOf(state, turn, deps);
  act.timersNotBeforeMs = turn.nowMs + limits.takeoverQuietMs;
  for (const owner of state.requests.owners.values()) resume(owner.tx, turn.nowMs, act, takeoverGraceMs);
  for (const context of [...state.requests.contexts.values()]) if (context.server.pending) route(act, context);
  return state;
}

function actOf(state: AorState, turn: Turn, deps: AorDeps): RegistrarAct {
  const act = new RegistrarAct(state.requests, turn, deps);
  act.registrar = (self, context) => registerHere(state, self, context, deps);
  return act;
}

function view(state: AorState): readonly RegistrationView[] {
  return state.bindings.map((each) => ({
    aor: state.aor,
    contact: each.uri,
    q: each.q,
    expiresAtMs: each.expiresAtMs,
    registeredAtMs: each.registeredAtMs,
    source: `${each.flow.protocol}:${each.flow.address}:${each.flow.port}`,
    userAgent: each.userAgent,
  }));
}
