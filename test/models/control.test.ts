/** Control of several nodes with events in any order; and proof that the model sees mistakes. */
import { checkModel } from './check.ts';

const share = 'cluster/share.ts';

checkModel(
  'control',
  [
    {
      file: 'cluster/membership.ts',
      line: 'this.#times.leaseTtlMs - this.#times.leaseMarginMs;',
      instead: 'this.#times.leaseTtlMs * 3;',
    },
    {
      file: share,
      line: "return ready && (closing || want === 'give'",
      instead: "return ready && (closing || want === 'take'",
    },
    {
      file: 'cluster/control.ts',
      line: 'if (this.#identity.linkHeld) this.#releasePredecessor();',
      instead: '',
    },
    { file: 'cluster/share-moves.ts', line: 'this.load(won, nowMs);', instead: '' },
  ],
  25,
  80,
);
