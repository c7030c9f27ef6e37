/** Runs the service for a request and carries out its decision. What it asks is asked of the actors that know. */
import { challenges } from '../../src/auth/digest.ts';
import { offeredTo } from '../../src/auth/offer.ts';
import { make } from '../../src/auth/nonce.ts';
import { claimedAor, requestIdentity } from '../../src/auth/verify.ts';
import { HeaderId } from '../../src/sip/header/names.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import type { Decision, Question, Service } from '../../src/routing/api.ts';
import { ServiceRun } from '../../src/routing/run.ts';
import type { Step } from '../../src/routing/run.ts';
import { viewOf } from '../../src/routing/view.ts';
import { locateBody, packVerify, unpackLocation, unpackVerifyAnswer } from '../questions.ts';
import { startBranches } from './fork.ts';
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
  if (onWay(act, id, body)) return;
  for (const context of act.state.contexts.values()) {
    if (context.askId !== id || context.run === undefined) continue;
    if (context.asked === 'locate') {
      const location = unpackLocation(body, context.located);
      if (location === undefined) return onAskFailed(act, id);
      context.askId = 0;
      return proceed(act, context, context.run.answer(location));
    }
    const verdict = unpackVerifyAnswer(body);
    if (verdict === undefined) return onAskFailed(act, id);
    context.askId = 0;
    if (verdict === 'ok') context.user = context.claimed;
    else {
      context.challenges = verdict.challenges;
      if (verdict.cause !== 'stale')
        act.turn.note('info', 'auth-fail', {
          src: `${context.flow.address}:${context.flow.port}`,
          user: context.claimed,
          reason: verdict.cause,
        });
    }
    return proceed(act, context, context.run.answer(verdict === 'ok' ? context.claimed : undefined));
  }
}

/** Nobody answered in time: its partition has no owner just now. The caller may try again. */
export function onAskFailed(act: Act, id: number): void {
  if (onWay(act, id, undefined)) return;
  for (const context of act.state.contexts.values()) {
    if (context.askId !== id || context.run === undefined) continue;
    context.askId = 0;
    context.run = undefined;
    return act.reply(context, 503, undefined, [['Retry-After', '2']]);
  }
}

function proceed(act: Act, context: Context, first: Step): void {
  let step = first;
  for (;;) {
    if ('decision' in step) {
      context.run = undefined;
      return carryOut(act, context, step.decision);
    }
    if (!needsAnswer(act, context, step.question)) return;
    // A question that needs no other actor: no credentials, no identity.
    if (context.run === undefined) return;
    step = context.run.answer(undefined);
  }
}

/** Asks the actor that knows. True when the answer is known already: undefined. */
function needsAnswer(act: Act, context: Context, question: Question): boolean {
  context.asked = question.ask;
  if (question.ask === 'locate') {
    context.located = question.aor;
    context.askId = act.turn.ask({ kind: 'aor', key: question.aor }, locateBody);
    return false;
  }
  const { request } = context;
  const authorization = credentialsOf(request);
  if (authorization.length === 0) return true;
  const realm = realmOf(request, act.deps.self);
  const userAgent = userAgentOf(request);
  const claimed = claimedAor(authorization, realm, offeredTo(userAgent));
  if (claimed === undefined) return true;
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
  return false;
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
