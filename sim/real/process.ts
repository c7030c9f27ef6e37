/**
 * One node as a process, started the way a supervisor starts it: the configuration comes by IPC, and when we are gone it
 * ends by itself. Its output goes to a file.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { supervisedFlag } from '../../src/cli/child-protocol.ts';
import type { ChildMessage, StartMessage } from '../../src/cli/child-protocol.ts';
import type { Config } from '../../src/config/config.ts';

export interface ProcessOptions {
  readonly config: Config;
  readonly log: string;
  /** More arguments for Node, and more environment: a mutant. */
  readonly nodeArgs: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  onReady(): void;
  /** It ended; `word` is what it said last. */
  onExit(code: number | null, signal: NodeJS.Signals | null, word: string): void;
}

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
let lastIncarnation = 0;

export class NodeProcess {
  readonly id: string;
  readonly incarnation: number;
  isReady = false;
  isPaused = false;
  isAlive = true;
  /** It was asked to leave. */
  isDraining = false;
  /** We killed it. */
  isKilled = false;
  readonly #child: ChildProcess;
  #word = '';

  constructor(options: ProcessOptions) {
    const { config, log } = options;
    this.id = config.node.id;
    lastIncarnation = Math.max(Date.now(), lastIncarnation + 1);
    this.incarnation = lastIncarnation;
    const file = openSync(log, 'a');
    this.#child = spawn(process.execPath, [...options.nodeArgs, main, 'start', supervisedFlag], {
      stdio: ['ignore', file, file, 'ipc'],
      serialization: 'advanced',
      env: { ...process.env, ...options.env },
      // Ctrl-C is for us: the nodes are ended in order.
      detached: true,
    });
    closeSync(file);
    this.#child.on('message', (message) => this.#hear(message as ChildMessage, options));
    this.#child.on('error', () => undefined);
    this.#child.on('exit', (code, signal) => {
      this.isAlive = false;
      this.isReady = false;
      options.onExit(code, signal, this.#word);
    });
    const start: StartMessage = { type: 'start', config, incarnation: this.incarnation, logLevel: 'info' };
    this.#child.send(start, () => undefined);
  }

  get name(): string {
    return `${this.id}#${this.incarnation}`;
  }

  kill(): void {
    this.isKilled = true;
    // At once, as the kernel sees it: what comes later finds nobody.
    this.isAlive = false;
    this.isReady = false;
    this.#child.kill('SIGKILL');
  }

  pause(): void {
    this.isPaused = true;
    this.#child.kill('SIGSTOP');
  }

  wake(): void {
    this.isPaused = false;
    this.#child.kill('SIGCONT');
  }

  #hear(message: ChildMessage, options: ProcessOptions): void {
    if (message.type === 'ending') this.#word = message.message;
    if (message.type !== 'ready') return;
    this.isReady = true;
    options.onReady();
  }
}

/** Lines that a node wrote as JSON, the newest last; others (a stack) as they are. */
export function readLog(file: string): (Readonly<Record<string, unknown>> | string)[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      try {
        return JSON.parse(line) as Readonly<Record<string, unknown>>;
      } catch {
        return line;
      }
    });
}
