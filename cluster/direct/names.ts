/** The ends of the short ways as 32 bits: threads of processes. Who begins anew has another name. */
import { hash32 } from '../hash.ts';

export interface DirectSelf {
  readonly node: string;
  readonly incarnation: number;
  /** Or {@link mainThread}. */
  readonly worker: number;
}

export const mainThread = -1;

export function nameOf({ node, incarnation, worker }: DirectSelf): number {
  return hash32(`${node}.${incarnation}/${worker}`);
}
