/** Runs the service for a request and carries out its decision. What it asks is asked of the actors that know. */
import assert from 'node:assert';
import { challenges } from '../../src/auth/digest.ts';
import { offeredTo } from '../../src/auth/offer.ts';
import { make } from '../../src/auth/nonce.ts';
import { claimedAor, requestIdentity } from '../../src/auth/verify.ts';
import { limits } from '../../src/limits.ts';
import { HeaderId } from '../../src/sip/header/names.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import type { Answers, Decision, Question, Service } from '../../src/routing/api.ts';
import { ServiceRun } from '../../src/routing/run.ts';
import type { Step } from '../../src/routing/run.ts';
import { viewOf } from '../../src/routing/view.ts';
import { countBody, packRate, unpackCounted, unpackLent, unpackPlace } from '../limit/questions.ts';
import { locateBody, packVerify, unpackLocation, unpackVerifyAnswer } from '../questions.ts';
import { startBranches } from './fork.ts';
import { askForPlace, onHoldAnswer } from './holds.ts';
import { realmOf } from './realm.ts';
import { onWay } from './way.ts';
import type { Act } from './act.ts';
import type { Context } from './state.ts';

export function runService(act: Act, context: Context, service: Service): void {
  const { request, flow, plan } = context;
  context.run = new ServiceRun(service, viewOf(request, plan, flow, act.deps.self));
  proceed(act, context, context.run.start());
}

export function onAnswer(act: Act, id: number, body: unknown): void {
  if (onWay(act, id, body) || onHoldAnswer(act, id, body)) return;
  for (const context of act.state.contexts.values()) {
    if (context.askId !== id || context.run === undefined) continue;
    const answer = readAnswer(act, context, body);
    if (answer === unreadable) return giveUp(act, context);
    context.askId = 0;
    return proceed(act, context, context.run.answer(answer));
  }
}

/** Nobody answered in time: its partition has no owner just now. The caller may try again. */
export function onAskFailed(act: Act, id: number): void {
  if (onWay(act, id, undefined) || onHoldAnswer(act, id, undefined)) return;
  for (const context of act.state.contexts.values())
    if (context.askId === id && context.run !== undefined) return giveUp(act, context);
}

function giveUp(act: Act, context: Context): void {
  context.askId = 0;
  context.run = undefined;
  act.reply(context, 503, undefined, [['Retry-After', '2']]);
}

const unreadable = Symbol('no answer to what was asked');

function readAnswer(act: Act, context: Context, body: unknown): Answers | typeof unreadable {
  switch (context.asked) {
    case 'locate':
      return unpackLocation(body, context.askedOf) ?? unreadable;
    case 'limit':
      return unpackPlace(body) ?? unreadable;
    case 'count':
      return unpackCounted(body) ?? unreadable;
    case 'rate': {
      const lent = unpackLent(body);
      if (lent === undefined) return unreadable;
      act.deps.credits.lend(context.askedOf, lent.permit, context.askedPerMs, lent.granted - 1, lent.untilMs);
      return lent.permit;
    }
    case 'authenticate':
    case '':
      return readVerdict(act, context, body);
  }
}

function readVerdict(act: Act, context: Context, body: unknown): Answers | typeof unreadable {
  const verdict = unpackVerifyAnswer(body);
  if (verdict === undefined) return unreadable;
  if (verdict === 'ok') {
    context.user = context.claimed;
    return context.claimed;
  }
  context.challenges = verdict.challenges;
  if (verdict.cause !== 'stale')
    act.turn.note('info', 'auth-fail', {
      src: `${context.flow.address}:${context.flow.port}`,
      user: context.claimed,
      reason: verdict.cause,
    });
  return undefined;
}

function proceed(act: Act, context: Context, first: Step): void {
  let step = first;
  for (;;) {
    if ('decision' in step) {
      context.run = undefined;
      return carryOut(act, context, step.decision);
    }
    const answer = answerOrAsk(act, context, step.question);
    if (answer === asked || context.run === undefined) return;
    step = context.run.answer(answer);
  }
}

const asked = Symbol('somebody was asked');

/** The answer, when it is known already; else whoever knows it is asked. */
function answerOrAsk(act: Act, context: Context, question: Question): Answers | typeof asked {
  context.asked = question.ask;
  switch (question.ask) {
    case 'authenticate':
      return askForProof(act, context);
    case 'locate':
      context.askedOf = question.aor;
      context.askId = act.turn.ask({ kind: 'aor', key: question.aor }, locateBody);
      return asked;
    case 'limit': {
      const { name, calls } = question;
      assert(act.registrar === undefined, 'a REGISTER holds no place');
      context.askId = isName(name) ? askForPlace(act, context, name, calls) : 0;
      if (context.askId !== 0) return asked;
      act.turn.count('limit-refused');
      return { granted: false, value: 0, limit: calls };
    }
    case 'rate': {
      const { name, requests, perMs } = question;
      if (!isName(name)) return { granted: false, value: 0, limit: requests, retryAfterSeconds: 1 };
      const { nowMs } = act.turn;
      const permit = act.deps.credits.take(name, requests, perMs, nowMs);
      if (permit !== undefined) return permit;
      context.askedOf = name;
      context.askedPerMs = perMs;
      const wanted = act.deps.credits.wanted(name, nowMs);
      context.askId = act.turn.ask({ kind: 'limit', key: name }, packRate(requests, perMs, wanted));
      return asked;
    }
    case 'count':
      if (!isName(question.name)) return { calls: 0, requests: 0 };
      context.askId = act.turn.ask({ kind: 'limit', key: question.name }, countBody);
      return asked;
  }
}

/** Names may be made of what strangers say; one that is too long is over its limit. */
function isName(name: string): boolean {
  return name !== '' && name.length <= limits.limitNameOctetsMax;
}

function askForProof(act: Act, context: Context): Answers | typeof asked {
  const { request } = context;
  const authorization = credentialsOf(request);
  if (authorization.length === 0) return undefined;
  const realm = realmOf(request, act.deps.self);
  const userAgent = userAgentOf(request);
  const claimed = claimedAor(authorization, realm, offeredTo(userAgent));
  if (claimed === undefined) return undefined;
  context.claimed = claimed;
  const verify = {
    method: request.method,
    requestUri: request.requestUri,
    realm,
    authorization,
    identity: requestIdentity(request.bytes),
    userAgent,
  };
  context.askId = act.turn.ask({ kind: 'aor', key: claimed }, packVerify(verify));
  return asked;
}

function carryOut(act: Act, context: Context, decision: Decision): void {
  switch (decision.do) {
    case 'reply':
      return act.reply(context, decision.status, decision.reason, decision.headers);
    case 'challenge':
      return challengeCaller(act, context);
    case 'fork':
      return decision.contacts.length === 0 ? act.reply(context, 480) : startBranches(act, context, decision.contacts);
    case 'relay':
      return startBranches(act, context, [{ uri: context.plan.requestUri, flow: undefined, path: [] }]);
    case 'register':
      if (act.registrar !== undefined) return act.registrar(act, context);
      // Only a REGISTER can be registered, and it is the address-of-record's own actor that receives it.
      act.turn.note('error', 'route-register-without-register', { method: context.method });
      return act.reply(context, 500);
  }
}

function challengeCaller(act: Act, context: Context): void {
  const realm = realmOf(context.request, act.deps.self);
  const values =
    context.challenges ??
    challenges(
      realm,
      make(act.deps.nonceSecret, act.turn.nowMs, act.deps.random.bytes(8)),
      offeredTo(userAgentOf(context.request)),
      false,
    );
  // RFC 3261 22.2, 22.3: a registrar is the end of the request and asks with 401, a proxy with 407.
  if (context.method === 'REGISTER')
    act.reply(
      context,
      401,
      undefined,
      values.map((value) => ['WWW-Authenticate', value] as const),
    );
  else
    act.reply(
      context,
      407,
      undefined,
      values.map((value) => ['Proxy-Authenticate', value] as const),
    );
}

function userAgentOf(request: SipMessage): string {
  return request.header(HeaderId.UserAgent) ?? '';
}

function credentialsOf(request: SipMessage): readonly string[] {
  const header = request.method === 'REGISTER' ? HeaderId.Authorization : HeaderId.ProxyAuthorization;
  return request.has(header) ? request.values(header) : noValues;
}

const noValues: readonly string[] = [];
