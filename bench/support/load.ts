/** Load by SIPp: registrations and calls of many users at a constant rate, with the response times of each. */
import { readFileSync, writeFileSync, readdirSync } from 'node:fs';
import { ended, run, stop } from './process.ts';
import { domain, password } from './server.ts';

export interface Load {
  /** File in bench/sipp, without `.xml`. */
  readonly scenario: 'register' | 'register-digest' | 'caller';
  readonly folder: string;
  /** Unique in the folder. */
  readonly name: string;
  readonly server: number;
  /** Of SIPp; callees have it in their contacts + 1. */
  readonly port: number;
  readonly users: number;
  readonly count: number;
  readonly perSecond: number;
  /** Between answer and BYE. */
  readonly talkMs: number;
}

export interface LoadResult {
  readonly ok: number;
  readonly failed: number;
  readonly retransmissions: number;
  readonly tookMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export async function load(options: Load): Promise<LoadResult> {
  const { folder, name, scenario } = options;
  const users = `${folder}/${name}-users.csv`;
  writeFileSync(users, usersFile(options));
  const args = [
    ...base(options, scenario, options.port),
    ...['-m', String(options.count), '-r', String(options.perSecond), '-l', '100000', '-d', String(options.talkMs)],
    ...['-inf', users, '-timeout', `${Math.ceil(options.count / options.perSecond) + 60}s`],
    ...['-trace_rtt', '-rtt_freq', String(options.count), '-trace_stat', '-stf', `${folder}/${name}.csv`, '-fd', '600'],
  ];
  const startMs = performance.now();
  const sipp = run('sipp', args, { log: `${folder}/${name}.log`, cwd: folder });
  const timeoutMs = (options.count / options.perSecond) * 1_000 + 70_000;
  if ((await ended(sipp, timeoutMs)) === undefined) await stop(sipp);
  const tookMs = performance.now() - startMs;
  const columns = lastLine(`${folder}/${name}.csv`);
  const times = responseTimes(folder, sipp.pid ?? 0);
  return {
    ok: Number(columns.get('SuccessfulCall(C)') ?? 0),
    failed: Number(columns.get('FailedCall(C)') ?? 0),
    retransmissions: Number(columns.get('Retransmissions(C)') ?? 0),
    tookMs,
    p50Ms: percentile(times, 0.5),
    p99Ms: percentile(times, 0.99),
    maxMs: times.at(-1) ?? 0,
  };
}

/** Answers all calls until `stop`. */
export function callee(options: Pick<Load, 'folder' | 'name' | 'server' | 'port'>): { stop(): Promise<void> } {
  const child = run('sipp', base(options, 'callee', options.port + 1), {
    log: `${options.folder}/${options.name}-callee.log`,
    cwd: options.folder,
  });
  return { stop: () => stop(child) };
}

function base({ server }: Pick<Load, 'server'>, scenario: Load['scenario'] | 'callee', port: number): string[] {
  const file = new URL(`../sipp/${scenario}.xml`, import.meta.url).pathname;
  return [
    `127.0.0.1:${server}`,
    ...['-sf', file, '-i', '127.0.0.1', '-p', String(port), '-t', 'u1', '-nostdin', '-buff_size', '4194304'],
    ...['-key', 'domain', domain, '-auth_uri', domain],
  ];
}

function usersFile({ users, port, count, scenario }: Load): string {
  const lines = ['SEQUENTIAL'];
  const contact = port + 1;
  for (let index = 0; index < Math.min(users, count); index++) {
    const user = `u${index}`;
    if (scenario === 'caller') lines.push(`${user};`);
    else if (scenario === 'register') lines.push(`${user};${contact};`);
    else lines.push(`${user};${contact};[authentication username=${user} password=${password}];`);
  }
  return `${lines.join('\n')}\n`;
}

function lastLine(file: string): Map<string, string> {
  const lines = readFileSync(file, 'latin1').trim().split('\n');
  const [head, last] = [lines[0]?.split(';') ?? [], lines.at(-1)?.split(';') ?? []];
  return new Map(head.map((name, index) => [name, last[index] ?? '']));
}

/** SIPp writes `SCENARIO_PID_rtt.csv` with lines `time;milliseconds;name`. */
function responseTimes(folder: string, pid: number): number[] {
  const file = readdirSync(folder).find((name) => name.endsWith(`_${pid}_rtt.csv`));
  if (file === undefined) return [];
  return readFileSync(`${folder}/${file}`, 'latin1')
    .split('\n')
    .slice(1)
    .map((line) => Number(line.split(';')[1]))
    .filter((time) => Number.isFinite(time))
    .sort((a, b) => a - b);
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
