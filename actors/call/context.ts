/** The response context of a new request (RFC 3261 16.2). */
import { limits } from '../../src/limits.ts';
import type { Flow } from '../../src/outside.ts';
import { response } from '../../src/sip/build.ts';
import { HeaderId } from '../../src/sip/header/names.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { receivedMark, responseFlow } from '../../src/proxy/response-flow.ts';
import { planRoute } from '../../src/proxy/route-set.ts';
import { ServerTransaction } from '../../src/transaction/machine.ts';
import { ownTag } from './respond.ts';
import type { Act } from './act.ts';
import { Context } from './state.ts';

/** A server transaction and a response context for a request that is new to us. Undefined when the call has too many. */
export function openContext(act: Act, request: SipMessage, flow: Flow, key: string): Context | undefined {
  // What ends or confirms something finds room when new work does not.
  const room = isUrgent(request.method) ? limits.transactionsPerCallMax * 2 : limits.transactionsPerCallMax;
  if (act.state.contexts.size >= room) {
    act.turn.count('shed-transactions-per-call');
    act.turn.send(
      responseFlow(request, flow),
      response(request, 503, {
        headers: [['Retry-After', '5']],
        toTag: ownTag(act, request),
        ...receivedMark(request, flow),
      }),
    );
    return undefined;
  }
  const invite = request.method === 'INVITE';
  const context = new Context(
    act.state.nextContext++,
    request,
    flow,
    new ServerTransaction(invite ? 'invite-server' : 'server', key, responseFlow(request, flow)),
    // Without a Route there is nothing to prove, and most of what is new has none.
    planRoute(request, act.deps.self, request.has(HeaderId.Route) ? act.proof : '', flow.listener),
  );
  act.state.contexts.set(context.id, context);
  act.begin({ tx: context.server, context, branch: undefined });
  return context;
}

function isUrgent(method: string): boolean {
  return method === 'BYE' || method === 'CANCEL' || method === 'PRACK';
}
