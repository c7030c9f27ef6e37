/** `carillon sim`: the whole cluster with its phones, network, store and faults in one process and one virtual time. */
import { availableParallelism } from 'node:os';
import { Option } from 'commander';
import type { Command } from 'commander';
import { faultKinds } from '../../sim/options.ts';
import type { FaultKind } from '../../sim/options.ts';
import { UsageError } from '../../sim/replay.ts';
import { realFaultKinds } from '../../sim/real/options.ts';
import { runReal } from '../../sim/real/run.ts';
import { runSim } from '../../sim/run.ts';
import { ExitError, exitCodes } from './exit.ts';

interface SimFlags {
  readonly seed?: string;
  readonly from?: string;
  readonly seeds?: string;
  readonly jobs?: string;
  readonly seconds?: string;
  readonly for?: string;
  readonly nodes?: string;
  readonly faults?: string;
  readonly replay?: string;
  readonly world?: string;
  readonly log: 'short' | 'full';
  readonly json?: boolean;
  readonly report?: string;
  readonly shrink: string;
  readonly allPoints?: boolean;
  readonly keep?: string;
  readonly real?: boolean;
}

const help = `
The same seed and the same version give the same world, and the same trace. A failure is made smaller, shown with a ladder
of its call, and written to fail-<seed>.json. Exit code 1: an invariant was broken.

Examples:
  carillon sim --seed 4711 --log full
  carillon sim --seed 4711 --report out.html
  carillon sim --seeds 1000 --from 5000
  carillon sim --seeds 100 --faults crash,pause --nodes 3
  carillon sim --replay fail-4711.json
  carillon sim --world 'calls answered while the store is full' --report out.html
  carillon sim --real --seed 7 --seconds 20 --faults crash,pause,cut`;

export function addSim(program: Command): void {
  program
    .command('sim')
    .description('simulate a cluster, its phones and its faults, from a seed')
    .option('--seed <n>', 'the seed (default: 1)')
    .option('--seeds <n>', 'how many seeds, one after the other')
    .option('--from <n>', 'the first of them (default: 1)')
    .option('--jobs <n>', 'threads for them (default: as many as the machine has processors)')
    .option('--seconds <s>', 'virtual seconds with faults in each seed')
    .option('--for <s>', 'stop after so many real seconds')
    .option('--nodes <n>', 'nodes of the cluster (default: drawn from the seed)')
    .option('--faults <list>', `of ${faultKinds.join(', ')}; 'none'`)
    .option('--replay <file>', 'play the world of a fail-<seed>.json instead')
    .option('--world <name>', 'play a world of sim/corpus.json or a scenario instead, by a part of its name')
    .addOption(new Option('--log <how>', 'what to print of one seed').choices(['short', 'full']).default('short'))
    .option('--report <file>', 'write a page to look at: time line, owners, calls with their ladders')
    .option('--json', 'print JSON')
    .option('--shrink <s>', 'real seconds to spend on making a failing world smaller', '60')
    .option('--all-points', 'a point of coverage that no seed reached is a failure')
    .option('--keep <words>', 'add the world to sim/corpus.json: "name: what was wrong, what changed"')
    .option('--real', `three real processes instead; faults: ${realFaultKinds.join(', ')}`)
    .addHelpText('after', help)
    .action(async (flags: SimFlags) => {
      const first = flags.seed ?? flags.from ?? '1';
      if (flags.real === true) {
        process.exitCode = await runReal(
          {
            seed: whole('seed', first, 0, Number.MAX_SAFE_INTEGER),
            seeds: whole('seeds', flags.seeds ?? '1', 1, Number.MAX_SAFE_INTEGER),
            faultSeconds: flags.seconds === undefined ? undefined : whole('seconds', flags.seconds, 2, 36_000),
            realSeconds: flags.for === undefined ? undefined : whole('for', flags.for, 1, 864_000),
            kinds: flags.faults === undefined ? undefined : kindsOf(flags.faults, realFaultKinds),
            log: flags.log,
          },
          (line) => console.log(line),
        );
        return;
      }
      process.exitCode = await runSim(
        {
          seed: whole(flags.seed === undefined ? 'from' : 'seed', first, 0, Number.MAX_SAFE_INTEGER),
          seeds: whole('seeds', flags.seeds ?? '1', 1, Number.MAX_SAFE_INTEGER),
          jobs: whole('jobs', flags.jobs ?? String(availableParallelism()), 1, 256),
          faultSeconds: flags.seconds === undefined ? undefined : whole('seconds', flags.seconds, 2, 36_000),
          realSeconds: flags.for === undefined ? undefined : whole('for', flags.for, 1, 864_000),
          nodes: flags.nodes === undefined ? undefined : whole('nodes', flags.nodes, 1, 20),
          kinds: flags.faults === undefined ? undefined : kindsOf(flags.faults, faultKinds),
          replay: flags.replay,
          world: flags.world,
          log: flags.log,
          json: flags.json === true,
          report: flags.report,
          shrinkSeconds: whole('shrink', flags.shrink, 0, 100_000),
          allPoints: flags.allPoints === true,
          keep: flags.keep,
        },
        {
          print: (line) => console.log(line),
          progress: (line) => {
            if (process.stderr.isTTY) process.stderr.write(`\r${line}\u001B[K`);
          },
          nowMs: () => performance.now(),
        },
      ).catch((error: unknown) => {
        throw error instanceof UsageError ? new ExitError(exitCodes.usage, error.message) : error;
      });
    });
}

function whole(flag: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new ExitError(exitCodes.usage, `--${flag} must be a whole number from ${min} to ${max}, not ${text}`);
}

function kindsOf(list: string, kinds: readonly FaultKind[]): FaultKind[] {
  if (list === 'none' || list === '') return [];
  return list.split(',').map((name) => {
    const kind = kinds.find((each) => each === name.trim());
    if (kind === undefined)
      throw new ExitError(exitCodes.usage, `--faults: there is no ${name.trim()}; there are ${kinds.join(', ')}`);
    return kind;
  });
}
