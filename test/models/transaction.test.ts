/** The transaction machines against their model, over moves; every mistake of the tables themselves: test/transaction. */
import { checkModel } from './check.ts';

const machine = 'src/transaction/machine.ts';
const timers = 'src/transaction/timers.ts';

checkModel(
  'transaction',
  [
    { file: machine, line: 'tx.repeatSlot = slot - 2;', instead: 'tx.repeatSlot = slot - 1;' },
    { file: machine, line: 'if (slot === tx.repeatSlot + 1) armRepeat', instead: 'if (true) armRepeat' },
    { file: machine, line: 'Math.max(deadlineMs, nowMs + graceMs)', instead: 'deadlineMs' },
    { file: machine, line: 'isGiveUpTimer(tx.timeout) ?', instead: 'true ?' },
    { file: machine, line: 'tx.timeoutStartedAtMs = nowMs;', instead: 'tx.timeoutStartedAtMs = 0;' },
    { file: machine, line: 'if (tx.sent.length > 0) sink.resend(tx);', instead: 'sink.resend(tx);' },
    { file: timers, line: "if (timer === 'A' || slot <= slotsToCap)", instead: 'if (true)' },
    { file: timers, line: 'return reliable ? 0 : T4;', instead: 'return T4;' },
    { file: timers, line: 'if (atCap) return slot * T2;', instead: '' },
    { file: 'src/transaction/pack.ts', line: '    tx.repeatAtCap,', instead: '    false,' },
  ],
  600,
);
