/** CANCEL from the caller: RFC 3261 9.2, 16.10. */
import type { Flow } from '../../src/outside.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { cancelTargetKey } from '../../src/transaction/key.ts';
import { cancelAll } from './cancel.ts';
import { openContext } from './context.ts';
import { save } from './save.ts';
import type { Act } from './act.ts';

/** The CANCEL has its own server transaction; it is answered at once, whatever becomes of the INVITE. */
export function onCancel(act: Act, request: SipMessage, flow: Flow): void {
  const target = act.state.owners.get(cancelTargetKey(request));
  const context = openContext(act, request, flow);
  if (context === undefined) return;
  if (target === undefined || target.branch !== undefined) return act.reply(context, 481);
  act.reply(context, 200);
  const invite = target.context;
  if (invite.finalStatus !== 0 || invite.cancelled !== '') return;
  invite.cancelled = 'caller';
  if (invite.branches.length === 0) {
    // Routing has not decided yet: nothing to take back.
    invite.run = undefined;
    act.reply(invite, 487);
    return;
  }
  cancelAll(act, invite, request.lines('Reason')[0] ?? '');
  save(act);
}
