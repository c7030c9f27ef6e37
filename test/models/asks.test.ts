/** The questions of entities against their model, and proof that the model sees mistakes. */
import { checkModel } from './check.ts';

const file = 'actors/asks.ts';

checkModel('asks', [
  {
    file,
    line: 'if (ask === undefined || ask.slot !== slot) return false;',
    instead: 'if (ask === undefined) return false;',
  },
  { file, line: 'ask.deadlineMs = nowMs + (ask.isOnce ? limits.askOnceTimeoutMs : limits.askTimeoutMs);', instead: '' },
  { file, line: 'Math.min(nowMs + limits.askRetryMs, ask.deadlineMs)', instead: 'nowMs + limits.askTimeoutMs' },
  { file, line: 'this.#wheel.cancel(ask);', instead: '' },
  { file, line: 'this.#waiting.delete(ask.envelope.asker.id);', instead: '' },
]);
