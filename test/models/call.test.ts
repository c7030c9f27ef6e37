/** A call through the proxy against its model, and proof that the model sees mistakes. */
import { checkModel } from './check.ts';

const branches = 'actors/call/branch-response.ts';
const cancel = 'actors/call/cancel.ts';

checkModel(
  'call',
  [
    { file: 'actors/call/save.ts', line: "act.turn.save('store');", instead: "act.turn.save('none');" },
    {
      file: branches,
      line: '    cancelOthers(act, context, branch, \'SIP;cause=200;text="Call completed elsewhere"\');',
      instead: '',
    },
    { file: cancel, line: 'if (branch.provisional) cancelBranch', instead: 'cancelBranch' },
    { file: cancel, line: 'if (branch.cancelWanted) return;', instead: 'return;' },
    { file: 'actors/call/ack.ts', line: 'act.turn.send(copy.flow, copy.bytes, token);', instead: '' },
    {
      file: 'actors/call/act.ts',
      line: 'if (invite !== undefined) this.turn.send(tx.flow, buildAck(invite, this.message));',
      instead: '',
    },
    { file: 'actors/call/snapshot.ts', line: '    context.finalStatus,', instead: '    0,' },
    { file: 'src/proxy/best-response.ts', line: 'if (status >= 600) return 0;', instead: '' },
    { file: 'src/proxy/best-response.ts', line: 'status === 503 ? 500 : status', instead: 'status' },
    {
      file: 'src/transaction/invite-server.ts',
      line: "'INVITE': stay(resend),\n      '1xx'",
      instead: "'INVITE': absorb,\n      '1xx'",
    },
  ],
  200,
  600,
);
