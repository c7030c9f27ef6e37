/** Nonce counts against their model, and proof that the model sees mistakes. */
import { checkModel } from './check.ts';

const file = 'src/auth/replay.ts';

checkModel('nonce', [
  { file, line: 'if (back >= limits.nonceCountWindow)', instead: 'if (back > limits.nonceCountWindow)' },
  { file, line: 'if (by >= 64) {', instead: 'if (by > 64) {' },
  { file, line: '(use.low >>> (32 - by))', instead: 'use.low' },
  { file, line: 'if (back < 32) use.low |= mask;', instead: 'use.low |= mask; if (back < 32) return "ok";' },
  { file, line: 'count === nc && identity === requestIdentity', instead: 'count === nc' },
  { file, line: 'highest: nc === 0 ? usedUp : nc,', instead: 'highest: nc,' },
]);
