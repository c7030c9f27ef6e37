/** The `carillon` command: what it knows, its help, and how it ends. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import { isProblems } from '../config/config.ts';
import { formatProblem, type ConfigProblem } from '../config/problems.ts';
import { unserved } from '../config/unserved.ts';
import type { Config } from '../config/config.ts';
import type { LogLevel } from '../outside.ts';
import { supervisedFlag } from './child-protocol.ts';
import { runCluster } from './cluster.ts';
import { checkConfigFile, loadConfig } from './config-file.ts';
import { demoConfig } from './demo.ts';
import { endingOf, ExitError, exitCodes, exitCodesHelp } from './exit.ts';
import { addManagement } from './management.ts';
import { runAlone, runSupervised } from './node-process.ts';
import { addSim } from './sim.ts';
import { loadService, RoutesError } from './worker/service.ts';

/** Run one command line to its end and set the exit code. Never throws. */
export async function main(args: readonly string[]): Promise<void> {
  try {
    await buildProgram().parseAsync(args, { from: 'user' });
  } catch (error) {
    // Commander has printed its sentence itself; asking for help is no mistake.
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
      return;
    }
    const ending = endingOf(error);
    console.error(ending.message);
    process.exitCode = ending.code;
  }
}

export function buildProgram(): Command {
  const program = new Command('carillon')
    .description('A SIP server that is a cluster of actors.')
    .version(version(), '--version')
    .exitOverride()
    // `cluster status --config F` is an option of status, not of cluster.
    .enablePositionalOptions()
    .showHelpAfterError('(carillon --help says more)')
    .addHelpText('after', `\n${examples}\n\n${exitCodesHelp}`);
  program
    .command('start')
    .description('run one node')
    .option('--config <file>', 'its configuration (.json, .yaml, .ts)')
    .addHelpText('after', '\nExample:\n  CARILLON_SECRET=$(openssl rand -hex 32) carillon start --config carillon.json')
    .addOption(logLevelOption('info'))
    .addOption(new Option(supervisedFlag).hideHelp())
    .action(start);
  const cluster = program
    .command('cluster')
    .description('run several nodes on this machine')
    .option('--nodes <n>', 'how many', '3')
    .option('--config <file>', 'their common configuration (default: a demo with ten users, data in ./data)')
    .addOption(logLevelOption(undefined))
    .addHelpText(
      'after',
      '\nExamples:\n  carillon cluster --nodes 3\n  carillon cluster --nodes 5 --config carillon.yaml\n  carillon cluster status',
    )
    .action(async (options: { nodes: string; config?: string; logLevel?: LogLevel }) => {
      const isDemo = options.config === undefined;
      const config = options.config === undefined ? demoConfig('data') : await load(options.config);
      process.exitCode = await runCluster(
        config,
        Number(options.nodes),
        isDemo,
        options.logLevel ?? (isDemo ? 'warn' : 'info'),
      );
    });
  addManagement(program, cluster);
  addSim(program);
  program
    .command('config')
    .description('configuration files')
    .command('check')
    .description('say what is wrong with a configuration, and where')
    .argument('<file>', '.json, .yaml or .ts')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  carillon config check carillon.json')
    .action(checkConfig);
  return program;
}

function logLevelOption(standard: LogLevel | undefined): Option {
  const option = new Option('--log-level <level>', 'what the nodes log to stderr, a JSON line for each event').choices([
    'debug',
    'info',
    'warn',
    'error',
  ]);
  return standard === undefined ? option.default(undefined, '"info", for the demo "warn"') : option.default(standard);
}

const examples = `Examples:
  carillon cluster --nodes 3              a cluster on this machine, with demo users
  carillon config check carillon.json     before a start
  carillon start --config carillon.json   one node
  carillon cluster status                 how a running cluster is
  carillon registrations --json           for scripts`;

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return String(Reflect.get(Object(manifest), 'version'));
}

async function start(options: { config?: string; logLevel: LogLevel; supervised?: boolean }): Promise<void> {
  if (options.supervised !== true && options.config === undefined) {
    throw new ExitError(exitCodes.usage, 'say which configuration: carillon start --config FILE');
  }
  const config = options.config === undefined ? undefined : await load(options.config);
  const { runNode } = await import('./node.ts');
  if (config === undefined) await runSupervised(runNode);
  else await runAlone(runNode, config, options.logLevel);
}

/** The configuration, with a word about what this version leaves out. */
async function load(file: string): Promise<Config> {
  const config = await loadConfig(file, process.env);
  for (const note of unserved(config)) console.error(`note: ${formatProblem(file, note)}`);
  return config;
}

async function checkConfig(file: string, options: { json?: boolean }): Promise<void> {
  const checked = await checkConfigFile(file, process.env);
  const problems = isProblems(checked) ? checked : await routesProblems(checked);
  const notes = isProblems(checked) ? [] : unserved(checked);
  if (options.json === true) console.log(JSON.stringify({ file, ok: problems.length === 0, problems, notes }, null, 2));
  else {
    for (const problem of problems) console.error(formatProblem(file, problem));
    for (const note of notes) console.log(`note: ${formatProblem(file, note)}`);
    if (problems.length === 0) console.log(`${file}: fine`);
  }
  process.exitCode = problems.length > 0 ? exitCodes.config : exitCodes.ok;
  // What the module of `routes` has opened may keep a process going.
  if (!isProblems(checked) && checked.routes !== undefined) process.exit();
}

async function routesProblems(config: Config): Promise<readonly ConfigProblem[]> {
  try {
    await loadService(config);
    return [];
  } catch (error) {
    if (!(error instanceof RoutesError)) throw error;
    return [{ path: 'routes', sentence: error.message }];
  }
}
