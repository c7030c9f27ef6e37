/** CANCEL from the caller: RFC 3261 9.2, 16.10. */
import type { Flow } from '../../src/outside.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { cancelTargetKey } from '../../src/transaction/key.ts';
import { cancelAll } from './cancel.ts';
import { openContext } from './context.ts';
import { save } from './save.ts';
import type { Act } from './act.ts';

/** The CANCEL has its own server transaction; it is answered at once, whatever becomes of the INVITE. */
export function onCancel(act: Act, request: SipMessage, flow: Flow, key: string): void {
  const target = act.state.owners.get(cancelTargetKey(request));
  const context = openContext(act, request, flow, key);
  if (context === undefined) return;
  if (target === undefined || target.branch !== undefined)
    // 9.2: "has no impact on the processing of transactions with any other method", but is answered 200.
    return act.reply(context, isForAnother(act, request) ? 200 : 481);
  act.reply(context, 200);
  const invite = target.context;
  if (invite.finalStatus !== 0 || invite.cancelled !== '') return;
  invite.cancelled = 'caller';
  if (invite.branches.length === 0) {
    // Routing has not decided yet: nothing to take back.
    invite.run = undefined;
    act.reply(invite, 487);
    // Or a new owner would take the repeated INVITE for a new one.
    save(act);
    return;
  }
  cancelAll(act, invite, request.lines('Reason')[0] ?? '');
  save(act);
}

/** Whether there is a request other than INVITE that this CANCEL names (17.2.3). */
function isForAnother(act: Act, cancel: SipMessage): boolean {
  const { branch, host, port } = cancel.topVia;
  for (const context of act.state.contexts.values()) {
    if (context.method === 'CANCEL') continue;
    const { cseq, topVia: via } = context.request;
    if (cseq !== cancel.cseq) continue;
    if (branch !== '' && via.branch === branch && via.host === host && via.port === port) return true;
  }
  return false;
}
