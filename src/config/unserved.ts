/** What the schema knows but this version does not do yet. Said aloud at start and by `carillon config check`. */
import type { Config } from './config.ts';
import { listenerAddress } from './listener.ts';
import type { ConfigProblem } from './problems.ts';

/** The node starts nevertheless, without these. */
export function unserved(config: Config): ConfigProblem[] {
  const notes: ConfigProblem[] = [];
  for (const [index, one] of config.listen.entries()) {
    if (one.protocol === 'udp' || one.protocol === 'tcp') continue;
    notes.push({ path: `listen[${index}]`, sentence: `${listenerAddress(one)} is not served by this version` });
  }
  return notes;
}
