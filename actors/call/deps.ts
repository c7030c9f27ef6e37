/** What the call actor is given once, at start: who we are, the service, and the numbers an operator may set. */
import type { Credits } from '../../src/limit/credits.ts';
import type { Random } from '../../src/outside.ts';
import type { Identifiers } from '../../src/proxy/identifiers.ts';
import type { Self } from '../../src/proxy/self.ts';
import type { Service } from '../../src/routing/api.ts';

export interface CallDeps {
  readonly self: Self;
  readonly identifiers: Identifiers;
  readonly service: Service;
  readonly random: Random;
  /** Key of the nonces, the same on all nodes. */
  readonly nonceSecret: string;
  readonly noAnswerMs: number;
  /** Of this worker. */
  readonly credits: Credits;
}
