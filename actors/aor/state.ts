/** The state of one address-of-record: where its owner is, which nonces it has used, and the REGISTERs under way. */
import type { NonceWindows } from '../../src/auth/replay.ts';
import type { UserRecord } from '../../src/auth/verify.ts';
import type { Bindings, RegistrarLimits } from '../../src/registrar/bindings.ts';
import type { CallDeps } from '../call/deps.ts';
import type { CallState } from '../call/state.ts';
import type { Asker } from '../entity.ts';
import type { VerifyQuestion } from '../questions.ts';

export interface AorState {
  readonly aor: string;
  bindings: Bindings;
  windows: NonceWindows;
  /** REGISTER requests that are not answered yet, handled like those of a call. Not our own while there are none. */
  requests: CallState;
  /** Questions that wait until the directory knows the user. */
  readonly waiting: (readonly [asker: Asker, question: VerifyQuestion | 'locate'])[];
}

/**
 * What is known of users. `loading`: asked of the store; the address-of-record is told `user-changed` when it is known.
 */
export interface Directory {
  record(aor: string): UserRecord | undefined | 'loading';
}

export interface AorDeps extends CallDeps {
  readonly directory: Directory;
  readonly registrar: RegistrarLimits;
}
