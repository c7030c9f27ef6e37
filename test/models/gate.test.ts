/** The gate against its model, and proof that the model sees mistakes. */
import { checkModel } from './check.ts';

const file = 'actors/gate.ts';

checkModel('gate', [
  { file, line: 'this.#passed >= this.#needed', instead: 'this.#passed > this.#needed' },
  { file, line: 'if (gated) this.#needed = this.#version;', instead: 'this.#needed = this.#version;' },
  { file, line: '.version <= version) {', instead: '.version <= version + 1) {' },
  { file, line: 'if (version <= this.#passed) return 0;', instead: '' },
  { file, line: 'this.#held = kept;', instead: '' },
  { file, line: 'Math.min(this.#needed, Math.max(version, this.#passed))', instead: 'this.#needed' },
]);
