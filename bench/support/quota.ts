/**
 * Holds each worker thread of a server to a part of a core by a control group of its own (Linux, version 1), so that the
 * generator on the same machine always has processor left: then it is the server's rate that is found.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { treeOf } from './process.ts';

const root = '/sys/fs/cgroup/cpu';
/** Short, so that a worker that has used its part waits milliseconds. */
const periodUs = 5_000;

export interface Quota {
  readonly workers: number;
  /** After the server has ended. */
  release(): void;
}

/** Undefined: this machine does not let us. */
export function holdWorkers(pid: number, share: number): Quota | undefined {
  if (!existsSync(`${root}/cpu.cfs_period_us`)) return undefined;
  const folders: string[] = [];
  try {
    for (const process of treeOf(pid)) {
      for (const thread of readdirSync(`/proc/${process}/task`)) {
        if (!/^worker-\d+$/.test(readFileSync(`/proc/${process}/task/${thread}/comm`, 'utf8').trim())) continue;
        const folder = `${root}/carillon-bench-${thread}`;
        mkdirSync(folder);
        folders.push(folder);
        writeFileSync(`${folder}/cpu.cfs_period_us`, String(periodUs));
        writeFileSync(`${folder}/cpu.cfs_quota_us`, String(Math.round(periodUs * share)));
        writeFileSync(`${folder}/tasks`, thread);
      }
    }
  } catch {
    release(folders);
    return undefined;
  }
  return { workers: folders.length, release: () => release(folders) };
}

function release(folders: readonly string[]): void {
  for (const folder of folders) {
    try {
      rmdirSync(folder);
    } catch {
      // A thread is in it yet: it goes with the machine.
    }
  }
}
