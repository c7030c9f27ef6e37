/** What a mutant is, and in which worlds it is looked for. */
import type { SimWishes } from '../options.ts';

export interface Mutant {
  readonly name: string;
  readonly file: string;
  /** Must be in the file exactly so, once; when it has changed, the mutant must change with it. */
  readonly line: string;
  readonly instead: string;
  /** Worlds with the faults that it needs. */
  readonly wishes?: SimWishes;
  /** Or only this scenario, with other small things (delays, boot order) from seed to seed. */
  readonly scenario?: string;
  /** Checkers that look at a part of what happens look at all of it. */
  readonly looksAtAll?: boolean;
}
