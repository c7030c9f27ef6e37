/**
 * Every scenario in this folder, played anew, is what its file says. UPDATE_TRACES=1 rewrites the files; read the diff.
 * Seen failing with: `no CANCEL for the branches that lost`, `the final status is not in the snapshot`, `no gate for calls` and
 * others of sim/mutants/list.ts, by `CARILLON_MUTANT=... node --import ./sim/mutants/loader.ts`.
 */
import { testLadders } from '../traces/played.ts';
import { play } from './ladder.ts';

testLadders(new URL('./', import.meta.url), play, 24);
