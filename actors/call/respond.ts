/** Responses on their way to the caller: our own (RFC 3261 8.2.6) and those of the branches (16.7). */
import { response } from '../../src/sip/build.ts';
import { Splice } from '../../src/sip/splice.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { eventOfStatus } from '../../src/transaction/event.ts';
import { receivedMark } from '../../src/proxy/response-flow.ts';
import type { Act } from './act.ts';
import { save } from './save.ts';
import type { Context } from './state.ts';

/** Sends a response of our own. After a final one nothing more is sent for this request. */
export function reply(
  act: Act,
  context: Context,
  status: number,
  reason?: string,
  headers?: readonly (readonly [string, string])[],
): void {
  if (context.finalStatus !== 0) return;
  const bytes = response(context.request, status, {
    ...(reason === undefined ? {} : { reason }),
    ...(headers === undefined ? {} : { headers }),
    toTag: ownTag(act, context.request),
    ...receivedMark(context.request, context.flow),
  });
  // Another copy of the INVITE would get this answer again, but for one that only says that we could not decide: the copy
  // might be accepted, and the caller has ended the call by then.
  const isRefused = status >= 200 && context.method === 'INVITE';
  if (isStranger(context) && status !== 503) answerOnce(act, context, status, bytes);
  else upstream(act, context, status, bytes);
  // A snapshot from a hand-over has it as still to be routed: whoever takes that up would let it ring after it was refused.
  if (isRefused && context.keptPending) save(act);
}

/** Nobody has proven who sent this INVITE, and nothing was done for it. One that was taken back must not begin anew. */
function isStranger(context: Context): boolean {
  const { request, user, branches, cancelled } = context;
  return request.method === 'INVITE' && user === '' && branches.length === 0 && cancelled === '';
}

/**
 * RFC 3261 26.3.2.4: whoever has not proven himself gets one answer for each packet, without the repetitions of 17.2.1,
 * which would let him aim eleven packets at somebody else for every one of his. He repeats the INVITE if it is lost.
 */
function answerOnce(act: Act, context: Context, status: number, bytes: Buffer): void {
  context.finalStatus = status;
  act.hasAnswers = true;
  act.turn.send(context.server.flow, bytes);
  act.end({ tx: context.server, context, branch: undefined });
}

/** RFC 3261 8.2.6.1: Trying carries no tag of ours. */
export function build100(context: Context): Buffer {
  return response(context.request, 100, receivedMark(context.request, context.flow));
}

/** 16.7 step 9: what a branch received, without our Via, goes to where the request came from. */
export function relay(
  act: Act,
  context: Context,
  message: SipMessage,
  extra: readonly (readonly [string, string])[] = [],
): void {
  const copy = new Splice(message).popVia();
  // A stream needs to know where the message ends (18.3); one that came in a datagram need not say it.
  if (context.server.flow.protocol !== 'udp') copy.ensureContentLength();
  for (const [name, value] of extra) copy.append(name, value);
  upstream(act, context, message.status, copy.toBuffer());
}

function upstream(act: Act, context: Context, status: number, bytes: Buffer): void {
  if (status >= 200) {
    context.finalStatus = status;
    act.hasAnswers = true;
  }
  act.step({ tx: context.server, context, branch: undefined }, eventOfStatus(status), bytes);
}

/** The same for each answer of ours to this request, on any node, and to its CANCEL (9.2). */
export function ownTag(act: Act, request: SipMessage): string {
  const via = request.topVia;
  return act.deps.identifiers.tag(
    act.turn.partition,
    `${act.state.callId}\0${request.fromTag}\0${request.cseq}\0${via.host}:${via.port}\0${via.branch}`,
  );
}
