/** `carillon sim`: the whole cluster with its phones, network, store and faults in one process and one virtual time. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { faultKinds } from '../../sim/options.ts';
import type { FaultKind } from '../../sim/options.ts';
import { runSim } from '../../sim/run.ts';
import { ExitError, exitCodes } from './exit.ts';

interface SimFlags {
  readonly seed?: string;
  readonly seeds?: string;
  readonly seconds?: string;
  readonly for?: string;
  readonly nodes?: string;
  readonly faults?: string;
  readonly log: 'short' | 'full';
  readonly json?: boolean;
  readonly shrink: string;
}

export function addSim(program: Command): void {
  program
    .command('sim')
    .description('simulate a cluster, its phones and its faults, from a seed')
    .option('--seed <n>', 'the seed, or the first of them (default: 1)')
    .option('--seeds <n>', 'how many seeds')
    .option('--seconds <s>', 'virtual seconds with faults in each seed')
    .option('--for <s>', 'stop after so many real seconds')
    .option('--nodes <n>', 'nodes of the cluster (default: drawn from the seed)')
    .option('--faults <list>', `of ${faultKinds.join(', ')}; 'none'`)
    .addOption(new Option('--log <how>', 'what to print of one seed').choices(['short', 'full']).default('short'))
    .option('--json', 'print JSON')
    .option('--shrink <runs>', 'runs to spend on making a failing world smaller', '60')
    .addHelpText(
      'after',
      '\nThe same seed and the same version give the same world. Exit code 1: an invariant was broken.\n\nExamples:\n  carillon sim --seed 4711 --log full\n  carillon sim --seeds 1000\n  carillon sim --seeds 100 --faults crash,pause --nodes 3',
    )
    .action((flags: SimFlags) => {
      process.exitCode = runSim(
        {
          seed: whole('seed', flags.seed ?? '1', 0, Number.MAX_SAFE_INTEGER),
          seeds: whole('seeds', flags.seeds ?? '1', 1, Number.MAX_SAFE_INTEGER),
          faultSeconds: flags.seconds === undefined ? undefined : whole('seconds', flags.seconds, 2, 36_000),
          realSeconds: flags.for === undefined ? undefined : whole('for', flags.for, 1, 864_000),
          nodes: flags.nodes === undefined ? undefined : whole('nodes', flags.nodes, 1, 20),
          kinds: flags.faults === undefined ? undefined : kindsOf(flags.faults),
          log: flags.log,
          json: flags.json === true,
          shrinkRuns: whole('shrink', flags.shrink, 0, 100_000),
        },
        {
          print: (line) => console.log(line),
          progress: (line) => {
            if (process.stderr.isTTY) process.stderr.write(`\r${line}\u001B[K`);
          },
          nowMs: () => performance.now(),
        },
      );
    });
}

function whole(flag: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new ExitError(exitCodes.usage, `--${flag} must be a whole number from ${min} to ${max}, not ${text}`);
}

function kindsOf(list: string): FaultKind[] {
  if (list === 'none' || list === '') return [];
  return list.split(',').map((name) => {
    const kind = faultKinds.find((each) => each === name.trim());
    if (kind === undefined)
      throw new ExitError(exitCodes.usage, `--faults: there is no ${name.trim()}; there are ${faultKinds.join(', ')}`);
    return kind;
  });
}
