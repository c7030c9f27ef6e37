/**
 * Runs the nodes of one machine as child processes. The moment one ends, its lease is released in the coordination
 * store: that is what lets the others take its calls over within a tenth of a second instead of waiting for the lease
 * to lapse. Then it is started again.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Config } from '../config/config.ts';
import { limits } from '../limits.ts';
import type { LogLevel } from '../outside.ts';
import { isChildMessage, type ChildMessage, type StartMessage } from './child-protocol.ts';
import { exitCodes } from './exit.ts';
import { verdictOf } from './restart.ts';

export interface SupervisorPorts {
  /** Command that runs a supervised node: executable and arguments. */
  readonly command: readonly [string, ...string[]];
  /** Of the nodes. */
  readonly logLevel: LogLevel;
  /** Death certificate for one incarnation of a node. May reject: it is tried again. */
  release(id: string, incarnation: number): Promise<void>;
  /** One line per event. */
  print(line: string): void;
  /** A node owns its partitions; told at each of its lives. */
  onReady(id: string): void;
}

interface Member {
  readonly id: string;
  readonly config: Config;
  child: ChildProcess | undefined;
  incarnation: number;
  startedAtMs: number;
  wasReady: boolean;
  wasEverReady: boolean;
  hasLeft: boolean;
  failures: number;
  /** Ticks since the last sign of life. Ticks and not a clock: a machine that slept must not kill anybody. */
  silentTicks: number;
  ending: string;
  restart: NodeJS.Timeout | undefined;
}

export class Supervisor {
  /** Resolves with the exit code when the last node has ended and none will be started again. */
  readonly ended: Promise<number>;
  readonly #ports: SupervisorPorts;
  readonly #members: readonly Member[];
  readonly #watch: NodeJS.Timeout;
  #code = 0;
  #stopping = false;
  #resolveEnded: (code: number) => void = () => {};

  constructor(configs: readonly Config[], ports: SupervisorPorts) {
    this.#ports = ports;
    this.#members = configs.map((config) => newMember(config));
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
    for (const member of this.#members) this.#start(member);
    this.#watch = setInterval(() => this.#killSilent(), limits.supervisorAliveMs);
  }

  /** Process ids by node, for the words of the demo. */
  pids(): ReadonlyMap<string, number> {
    return new Map(this.#members.flatMap(({ id, child }) => (child?.pid === undefined ? [] : [[id, child.pid]])));
  }

  /** First time: every node drains. Second time, or after limits.supervisorStopMs: they are killed. */
  stop(reason: string): void {
    const signal = this.#stopping ? 'SIGKILL' : 'SIGTERM';
    this.#ports.print(signal === 'SIGTERM' ? `${reason}: draining all nodes` : `${reason}: killing all nodes`);
    if (!this.#stopping) setTimeout(() => this.stop('not drained in time'), limits.supervisorStopMs).unref();
    this.#stopping = true;
    for (const member of this.#members) {
      clearTimeout(member.restart);
      member.child?.kill(signal);
    }
    this.#endIfLast();
  }

  #start(member: Member): void {
    const [executable, ...args] = this.#ports.command;
    // A process group of its own: Ctrl-C reaches the supervisor alone, which drains the nodes in order.
    const child = spawn(executable, args, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced',
      detached: true,
    });
    member.child = child;
    member.incarnation = Math.max(Date.now(), member.incarnation + 1);
    member.startedAtMs = performance.now();
    member.wasReady = false;
    member.silentTicks = 0;
    member.ending = '';
    const { incarnation } = member;
    child.on('exit', (code, signal) => this.#ended(member, incarnation, code, signal));
    child.on('error', (error) => {
      member.ending = error.message;
      if (child.pid === undefined) this.#ended(member, incarnation, exitCodes.internal, null);
    });
    child.on('message', (message) => {
      if (isChildMessage(message)) this.#hear(member, message);
    });
    const start: StartMessage = { type: 'start', config: member.config, incarnation, logLevel: this.#ports.logLevel };
    child.send(start, (error) => {
      // A child that is gone already tells more by its exit.
      if (error !== null) member.ending ||= error.message;
    });
    this.#ports.print(`node ${member.id} started, process ${child.pid ?? 'none'}`);
  }

  #hear(member: Member, message: ChildMessage): void {
    member.silentTicks = 0;
    if (message.type === 'ending') member.ending = message.message;
    if (message.type !== 'ready') return;
    member.wasReady = true;
    member.wasEverReady = true;
    this.#ports.print(`node ${member.id} ready after ${Math.round(performance.now() - member.startedAtMs)} ms`);
    this.#ports.onReady(member.id);
  }

  #ended(member: Member, incarnation: number, code: number | null, signal: NodeJS.Signals | null): void {
    // Before anything else: the others may take over from now on.
    void this.#release(member.id, incarnation, 0);
    member.child = undefined;
    const how = signal === null ? `code ${code}` : signal;
    const why = member.ending === '' ? '' : `: ${member.ending}`;
    const verdict = verdictOf({ ...member, code, livedMs: performance.now() - member.startedAtMs });
    if (verdict.do === 'restart' && !this.#stopping) {
      this.#ports.print(`node ${member.id} ended (${how})${why}; lease released, again in ${verdict.afterMs} ms`);
      member.failures = verdict.failures;
      member.restart = setTimeout(() => this.#start(member), verdict.afterMs);
      return;
    }
    this.#ports.print(`node ${member.id} ended (${how})${why}`);
    member.hasLeft = true;
    if (verdict.do === 'give-up' && !this.#stopping) {
      this.#code = verdict.code;
      this.stop(`node ${member.id} cannot start`);
    }
    this.#endIfLast();
  }

  async #release(id: string, incarnation: number, attempt: number): Promise<void> {
    try {
      await this.#ports.release(id, incarnation);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      if (attempt === 0) this.#ports.print(`the lease of node ${id} is not released yet: ${text}`);
      if (attempt < 50) setTimeout(() => void this.#release(id, incarnation, attempt + 1), 200);
    }
  }

  #killSilent(): void {
    for (const member of this.#members) {
      if (member.child === undefined) continue;
      member.silentTicks += 1;
      if (member.silentTicks * limits.supervisorAliveMs <= limits.supervisorSilenceMs) continue;
      this.#ports.print(`node ${member.id} gave no sign of life for ${limits.supervisorSilenceMs / 1_000} s: killed`);
      member.child.kill('SIGKILL');
    }
  }

  #endIfLast(): void {
    const isOver = this.#members.every((member) => member.child === undefined && (this.#stopping || member.hasLeft));
    if (!isOver) return;
    clearInterval(this.#watch);
    this.#resolveEnded(this.#code);
  }
}

function newMember(config: Config): Member {
  return {
    id: config.node.id,
    config,
    child: undefined,
    incarnation: 0,
    startedAtMs: 0,
    wasReady: false,
    wasEverReady: false,
    hasLeft: false,
    failures: 0,
    silentTicks: 0,
    ending: '',
    restart: undefined,
  };
}
