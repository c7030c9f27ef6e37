/**
 * Processes of a test: started with their output in a file, stopped by pid, and none left behind when the test process
 * itself ends.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly process: ChildProcess;
  /** File with its standard output and error. */
  readonly log: string;
  /** Exit code, 128 + signal number, or -1 when it could not be started. */
  readonly ended: Promise<number>;
  /** All that it wrote so far. */
  output(): string;
}

export interface ChildOptions {
  readonly log: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const running = new Set<Child>();
process.on('exit', () => {
  for (const child of running) signal(child.pid, 'SIGKILL');
});
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => process.exit(130));

export function start(name: string, command: string, args: readonly string[], options: ChildOptions): Child {
  const file = openSync(options.log, 'a');
  const child = spawn(command, args, {
    stdio: ['ignore', file, file],
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
  });
  closeSync(file);
  const ended = Promise.race([
    once(child, 'exit').then(([code, name_]: unknown[]) => (typeof code === 'number' ? code : signalCode(name_))),
    once(child, 'error').then(() => -1),
  ]);
  const one: Child = {
    name,
    pid: child.pid ?? -1,
    process: child,
    log: options.log,
    ended,
    output: () => readFileSync(options.log, 'latin1'),
  };
  running.add(one);
  void ended.then(() => running.delete(one));
  return one;
}

/** Ask it to end, and kill it when it has not after `graceMs`. Resolves with its exit code. */
export async function stop(child: Child, graceMs = 5_000, first: NodeJS.Signals = 'SIGTERM'): Promise<number> {
  signal(child.pid, first);
  const code = await Promise.race([child.ended, sleep(graceMs, undefined, { ref: false })]);
  if (code !== undefined) return code;
  signal(child.pid, 'SIGKILL');
  return child.ended;
}

/** The exit code, or `undefined` when the process is still running after `timeoutMs`: then it is killed. */
export async function finish(child: Child, timeoutMs: number): Promise<number | undefined> {
  const code = await Promise.race([child.ended, sleep(timeoutMs, undefined, { ref: false })]);
  if (code === undefined) await stop(child, 1_000);
  return code;
}

/** False when there is no such process any more. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  if (pid <= 0) return false;
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

/** Asks again every `everyMs` until the answer is not `undefined`. @throws after `timeoutMs`, with `what` */
export async function until<T>(
  what: string,
  timeoutMs: number,
  ask: () => T | undefined | Promise<T | undefined>,
  everyMs = 50,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > end) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await sleep(everyMs);
  }
}

function signalCode(name: unknown): number {
  return name === 'SIGKILL' ? 137 : name === 'SIGTERM' ? 143 : 128;
}
