/** Child processes of a benchmark and what they cost: CPU and memory of a whole tree of processes, read from /proc. */
import { spawn, type ChildProcess } from 'node:child_process';
import { openSync, readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Clock ticks of /proc/PID/stat per second: 100 on every Linux of today (`getconf CLK_TCK`). */
const ticksPerSecond = 100;

export interface Cost {
  /** User and system time of all processes and threads, milliseconds. */
  readonly cpuMs: number;
  /** Resident octets; a page that several processes share counts once, in parts. */
  readonly rssBytes: number;
}

const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

export function run(
  command: string,
  args: readonly string[],
  { log, cwd, env }: { readonly log: string; readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
): ChildProcess {
  const out = openSync(log, 'a');
  const child = spawn(command, args, { cwd, env: env ?? process.env, stdio: ['ignore', out, out] });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

/** Undefined: it did not end in time. */
export async function ended(child: ChildProcess, timeoutMs: number): Promise<number | undefined> {
  if (child.exitCode !== null) return child.exitCode;
  const exit = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? -1)));
  const timeout = new AbortController();
  const late = sleep(timeoutMs, undefined, { signal: timeout.signal }).catch(() => undefined);
  const code = await Promise.race([exit, late]);
  timeout.abort();
  return code;
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return;
  child.kill('SIGTERM');
  if ((await ended(child, 15_000)) !== undefined) return;
  for (const pid of treeOf(child.pid)) process.kill(pid, 'SIGKILL');
  await ended(child, 5_000);
}

/** What a process and all that it started have used so far. Those that have ended are counted by their parents. */
export function costOf(root: number): Cost {
  let ticks = 0;
  let rssBytes = 0;
  for (const pid of treeOf(root)) {
    const fields = statOf(pid);
    if (fields === undefined) continue;
    // utime, stime, and those of ended children: fields 14 to 17 of proc(5), counted from the third.
    for (const index of [11, 12, 13, 14]) ticks += Number(fields[index]);
    rssBytes += residentOf(pid);
  }
  return { cpuMs: (ticks * 1_000) / ticksPerSecond, rssBytes };
}

/** A process, and all that it and they started. */
export function treeOf(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const fields = Number.isInteger(pid) ? statOf(pid) : undefined;
    if (fields !== undefined) parents.set(pid, Number(fields[1]));
  }
  const tree = [root];
  for (const pid of tree) for (const [child, parent] of parents) if (parent === pid) tree.push(child);
  return tree;
}

/** The fields after the name of the program, which may have blanks. */
function statOf(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

function residentOf(pid: number): number {
  try {
    const [, kilobytes] = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')) ?? [];
    return Number(kilobytes ?? 0) * 1_024;
  } catch {
    return 0;
  }
}
