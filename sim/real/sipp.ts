/**
 * Phones that nobody of us has written: SIPp with the scenarios of sim/real/sipp. A callee and a caller, each behind a
 * relay that brings the weather and the balancer to it.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { accessSync, constants, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Endpoint } from '../network.ts';

export interface SippSetting {
  readonly folder: string;
  readonly base: number;
  readonly domain: string;
  readonly perSecond: number;
  readonly calls: number;
  /** A relay between this SIPp and the cluster. */
  relay(at: Endpoint, inside: Endpoint): Promise<void>;
}

export interface SippResult {
  readonly created: number;
  readonly ok: number;
  readonly failed: number;
}

/** Their users. */
export const sippUsers = ['sippcallee', 'sippcaller'] as const;
const [callee, caller] = sippUsers;

export function sippPassword(user: string): string {
  return `secret-of-${user}`;
}

const calleeAddress = '127.2.0.1';
const callerAddress = '127.2.0.2';
const offsets = { own: 12, relay: 13, registering: 14, registeringRelay: 15 };
const registerMsMax = 40_000;
const ringMs = 300;
const talkMs = 3_000;

export class SippPhones {
  readonly #setting: SippSetting;
  readonly #children: ChildProcess[] = [];

  constructor(setting: SippSetting) {
    this.#setting = setting;
  }

  /** The callee answers and is registered. @throws when that fails */
  async open(): Promise<void> {
    const { base, relay, domain } = this.#setting;
    await relay(
      { address: calleeAddress, port: base + offsets.relay },
      { address: calleeAddress, port: base + offsets.own },
    );
    await relay(
      { address: calleeAddress, port: base + offsets.registeringRelay },
      { address: calleeAddress, port: base + offsets.registering },
    );
    await relay(
      { address: callerAddress, port: base + offsets.relay },
      { address: callerAddress, port: base + offsets.own },
    );
    this.#start('uas', calleeAddress, offsets.own, offsets.relay, []);
    const registering = this.#start('register', calleeAddress, offsets.registering, offsets.registeringRelay, [
      ...['-inf', this.#csv('register', [callee, credentialsOf(callee), String(base + offsets.relay)])],
      ...['-auth_uri', domain, '-m', '1'],
    ]);
    const code = await Promise.race([ended(registering), sleep(registerMsMax, -1, { ref: false })]);
    if (code !== 0) throw new Error(`the callee of SIPp could not register: ${code}`);
  }

  begin(): void {
    const { domain, perSecond, calls } = this.#setting;
    this.#start('uac-challenged', callerAddress, offsets.own, offsets.relay, [
      ...['-inf', this.#csv('calls', [caller, callee, credentialsOf(caller)]), '-auth_uri', `${callee}@${domain}`],
      ...['-r', String(perSecond), '-m', String(calls), '-d', String(talkMs)],
    ]);
  }

  result(): SippResult {
    const lines = readOrEmpty(`${this.#setting.folder}/uac-challenged.csv`).trim().split('\n');
    const columns = lines[0]?.split(';') ?? [];
    const last = lines.at(-1)?.split(';') ?? [];
    const number = (name: string): number => Number(last[columns.indexOf(name)] ?? 0) || 0;
    return {
      created: number('TotalCallCreated'),
      ok: number('SuccessfulCall(C)'),
      failed: number('FailedCall(C)'),
    };
  }

  kill(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }

  #start(scenario: string, address: string, own: number, relay: number, more: readonly string[]): ChildProcess {
    const { folder, base, domain } = this.#setting;
    const source = readFileSync(new URL(`sipp/${scenario}.xml`, import.meta.url), 'utf8');
    const file = `${folder}/${scenario}.xml`;
    writeFileSync(file, source.replaceAll('@RING@', String(ringMs)));
    const args = [
      ...[`${address}:${base + relay}`, '-sf', file, '-i', address, '-p', String(base + own), '-nostdin', '-t', 'u1'],
      ...['-key', 'domain', domain, '-key', 'contact_port', String(base + relay)],
      ...['-trace_stat', '-stf', `${folder}/${scenario}.csv`, '-fd', '1'],
      ...['-trace_err', '-error_file', `${folder}/${scenario}.errors`, ...more],
    ];
    const child = spawn('sipp', args, { cwd: folder, stdio: 'ignore' });
    child.on('error', () => undefined);
    this.#children.push(child);
    return child;
  }

  #csv(name: string, row: readonly string[]): string {
    const file = `${this.#setting.folder}/${name}.inf`;
    writeFileSync(file, `SEQUENTIAL\n${row.join(';')}\n`);
    return file;
  }
}

export function hasSipp(): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, 'sipp'), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function credentialsOf(user: string): string {
  return `[authentication username=${user} password=${sippPassword(user)}]`;
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    child.once('exit', (code) => resolve(code));
    child.once('error', () => resolve(-1));
  });
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
