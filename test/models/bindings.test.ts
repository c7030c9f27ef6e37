/** Bindings against their model, and proof that the model sees mistakes. */
import { checkModel } from './check.ts';

const file = 'src/registrar/bindings.ts';

checkModel('bindings', [
  {
    file,
    line: 'binding.expiresAtMs > nowMs);\n  return live',
    instead: 'binding.expiresAtMs >= nowMs);\n  return live',
  },
  { file, line: 'request.cseq <= binding.cseq', instead: 'request.cseq < binding.cseq' },
  { file, line: 'binding.callId === request.callId && request', instead: 'request' },
  { file, line: 'expiresAtMs: ctx.nowMs + seconds * 1000,', instead: 'expiresAtMs: ctx.nowMs + seconds * 999,' },
  { file: 'src/registrar/snapshot.ts', line: '      b.cseq,', instead: '      0,' },
]);
