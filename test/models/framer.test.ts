/** The framer against its model, and proof that the model sees mistakes. */
import { checkModel } from './check.ts';

const file = 'src/sip/frame.ts';

checkModel('framer', [
  { file, line: 'if (this.deadlineMs === 0) this.deadlineMs =', instead: 'this.deadlineMs =' },
  { file, line: 'this.deadlineMs = this.#nowMs + limits.bodyDeadlineMs;', instead: '' },
  { file, line: 'this.#needed = head.end + length;', instead: 'this.#needed = head.end;' },
  { file, line: 'if (this.#searched < this.#start) this.#searched = this.#start;', instead: '' },
  { file, line: 'this.#searched -= this.#start;', instead: '' },
  { file, line: 'this.#halfPing = !this.#halfPing;', instead: 'this.#halfPing = true;' },
]);
