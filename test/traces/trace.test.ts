/** Every scenario in this folder, played anew, is what its file says. UPDATE_TRACES=1 rewrites the files; read the diff. */
import { play } from './ladder.ts';
import { testLadders } from './played.ts';

testLadders(new URL('./', import.meta.url), play, 16);
