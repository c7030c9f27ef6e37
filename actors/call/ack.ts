/** The ACK to a 2xx travels like a request of its own, without transaction and without answer (RFC 3261 13.2.2.4, 16.6). */
import { limits } from '../../src/limits.ts';
import type { Flow } from '../../src/outside.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { planRoute } from '../../src/proxy/route-set.ts';
import { prepare } from './copy.ts';
import { wayTo } from './reach.ts';
import { ackToken, isConnection } from './way.ts';
import type { Act } from './act.ts';

/** @param key serverKey(ack) */
export function forwardAck(act: Act, ack: SipMessage, flow: Flow, key: string): void {
  const { self } = act.deps;
  const plan = planRoute(ack, self, act.proof, flow.listener);
  // An ACK of no dialog is dropped in silence: nobody answers an ACK.
  if (!plan.proven && act.state.dialogs.find(ack.fromTag, ack.toTag) === undefined) return act.turn.count('stray-ack');
  if (ack.maxForwards === 0) return act.turn.count('hops-exceeded');
  const way = wayTo(act, ack, plan.requestUri);
  const copy = prepare(
    act,
    ack,
    flow,
    plan,
    { uri: plan.requestUri, flow: way?.flow, path: [] },
    key,
    limits.branchesPerRequestMax,
    -1,
    '',
  );
  if (typeof copy === 'string') return act.turn.count(`ack-${copy}`);
  const token = isConnection(copy.flow) ? ackToken(copy.flow.connection) : '';
  act.turn.send(copy.flow, copy.bytes, token);
}
