/**
 * The twin at length: nodes with a mistake in them, each of which another checker must see in what phones and packets
 * show, then runs of fresh seeds without one.
 * `node test/e2e/acceptance/real.ts [MINUTES] [FIRST SEED]`
 */
import { drawReal } from '../../../sim/real/options.ts';
import type { RealWishes } from '../../../sim/real/options.ts';
import { playReal, runReal } from '../../../sim/real/run.ts';

interface Trial extends RealWishes {
  readonly mutant: string;
  readonly seed: number;
  readonly checker: string;
}

const trials: readonly Trial[] = [
  { mutant: 'Max-Forwards is written anew', seed: 301, faultSeconds: 3, kinds: [], checker: 'dialog-stable' },
  { mutant: 'ACKs to a 2xx go nowhere', seed: 302, faultSeconds: 4, kinds: [], checker: 'established-calls' },
  { mutant: 'refusals are not acknowledged', seed: 303, faultSeconds: 4, kinds: [], checker: 'ringing-calls' },
  { mutant: 'repetitions come five times as often', seed: 305, faultSeconds: 4, kinds: [], checker: 'timers' },
  { mutant: 'removals are not written', seed: 306, faultSeconds: 4, kinds: [], checker: 'no-leaks' },
  {
    mutant: 'a node acts for its whole lease and longer',
    seed: 401,
    faultSeconds: 20,
    kinds: ['pause'],
    checker: 'one-actor',
  },
];

let unseen = 0;
for (const { mutant, seed, checker, ...wishes } of trials) {
  const { violation } = await playReal(drawReal(seed, { ...wishes, sippPerSecond: 0 }), {
    mutant,
    say: () => undefined,
  });
  if (violation?.checker !== checker) unseen++;
  console.log(`${mutant}: ${violation === undefined ? 'NOT SEEN' : `${violation.checker}: ${violation.message}`}`);
}
const code = await runReal(
  {
    seed: Number(process.argv[3] ?? 1_000),
    seeds: Number.MAX_SAFE_INTEGER,
    realSeconds: Number(process.argv[2] ?? 30) * 60,
    log: 'short',
  },
  (line) => console.log(line),
);
process.exitCode = unseen > 0 ? 1 : code;
