/** Runs SIPp with the scenarios of sim/real/sipp and reads its statistics. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { finish, signal, start, stop, until, type Child } from './children.ts';
import { domain } from './users.ts';

export interface SippOptions {
  /** File in sim/real/sipp, without `.xml`. */
  readonly scenario: string;
  readonly folder: string;
  /** Distinguishes the runs of one test. */
  readonly name: string;
  readonly server: number;
  /** Default: 127.0.0.1. */
  readonly serverAddress?: string;
  /** Own port; in mode `un` that of the first call, the others are ephemeral. */
  readonly port: number;
  /** `u1`: one socket; `un`: one for each call, so that the calls come from many source ports; `t1`: one TCP connection. */
  readonly transport?: 'u1' | 'un' | 't1';
  /** Own address; default 127.0.0.1. */
  readonly address?: string;
  /** Port in the Contact of a callee: its own, or that of a relay in front. */
  readonly contactPort?: number;
  /** CSV of the calls. */
  readonly calls?: string;
  /** Calls to make; a callee without a number serves until it is stopped. */
  readonly count?: number;
  readonly perSecond?: number;
  /** For the pause of the scenario (talk time). */
  readonly pauseMs?: number;
  /** What stands for @RING@ in the scenario. */
  readonly ringMs?: number;
  /** Digest uri, without `sip:`. */
  readonly authUri?: string;
  /** Simultaneous calls. */
  readonly limit?: number;
  /** Note the response time of each call (`responses`). */
  readonly noteResponses?: true;
  /** SIPp ends by itself, with failure. */
  readonly timeoutSeconds?: number;
}

export interface SippResult {
  readonly name: string;
  readonly created: number;
  readonly ok: number;
  readonly failed: number;
  readonly open: number;
  readonly retransmissions: number;
  /** Causes of failures that are not zero, by SIPp's column names. */
  readonly causes: Readonly<Record<string, number>>;
  /** Mean of the scenario's response time, milliseconds. */
  readonly responseMs: number;
  readonly code: number | undefined;
  /** First errors that it noted. */
  readonly errors: string;
}

export class Sipp {
  readonly name: string;
  readonly child: Child;
  readonly #stats: string;
  readonly #errors: string;
  readonly #folder: string;
  readonly #startedAtMs: number;

  constructor(options: SippOptions) {
    const { folder, name } = options;
    this.name = name;
    this.#folder = folder;
    this.#stats = `${folder}/${name}.csv`;
    this.#errors = `${folder}/${name}.errors`;
    const scenario = scenarioFile(options);
    const args = [
      `${options.serverAddress ?? '127.0.0.1'}:${options.server}`,
      ...['-sf', scenario, '-i', options.address ?? '127.0.0.1', '-nostdin', '-key', 'domain', domain],
      ...['-key', 'contact_port', String(options.contactPort ?? options.port)],
      ...['-trace_stat', '-stf', this.#stats, '-fd', '1', '-trace_err', '-error_file', this.#errors],
      ...[
        '-t',
        options.transport ?? 'u1',
        '-max_socket',
        '8000',
        '-d',
        String(options.pauseMs ?? 0),
        '-l',
        String(options.limit ?? 10_000),
      ],
      ...['-p', String(options.port)],
      ...(options.calls === undefined ? [] : ['-inf', options.calls]),
      ...(options.count === undefined ? [] : ['-m', String(options.count)]),
      ...(options.perSecond === undefined ? [] : ['-r', String(options.perSecond)]),
      ...(options.authUri === undefined ? [] : ['-auth_uri', options.authUri]),
      ...(options.noteResponses ? ['-trace_rtt', '-rtt_freq', '1'] : []),
      ...(options.timeoutSeconds === undefined ? [] : ['-timeout', `${options.timeoutSeconds}s`, '-timeout_error']),
    ];
    this.#startedAtMs = Date.now();
    this.child = start(name, 'sipp', args, { log: `${folder}/${name}.log`, cwd: folder });
  }

  /** Waits until it ends by itself; stopped after `timeoutMs`. */
  async result(timeoutMs: number): Promise<SippResult> {
    const code = await finish(this.child, timeoutMs);
    return this.#read(code);
  }

  /** For callees: ends now. */
  async end(): Promise<SippResult> {
    // The first SIGUSR1 lets SIPp write its statistics before it goes.
    signal(this.child.pid, 'SIGUSR1');
    const code = await finish(this.child, 1_500);
    return this.#read(code ?? (await stop(this.child)));
  }

  /** Statistics up to the last second. */
  now(): SippResult {
    return this.#read(undefined);
  }

  async hasStarted(): Promise<void> {
    await until(`${this.name} starts`, 5_000, () => (this.#columns().size > 0 ? true : undefined));
  }

  /** Of each call that was answered: when (milliseconds since 1970), and after how many milliseconds. */
  responses(): { readonly atMs: number; readonly tookMs: number }[] {
    const file = readdirSync(this.#folder).find((each) => each.endsWith(`_${this.child.pid}_rtt.csv`));
    const lines = file === undefined ? [] : readOrEmpty(`${this.#folder}/${file}`).trim().split('\n').slice(1);
    return lines.map((line) => {
      const [sinceStartMs = 0, tookMs = 0] = line.split(';').map(Number);
      return { atMs: this.#startedAtMs + sinceStartMs, tookMs };
    });
  }

  #read(code: number | undefined): SippResult {
    const columns = this.#columns();
    const number = (name: string): number => Number(columns.get(name) ?? 0);
    const causes: Record<string, number> = {};
    for (const [name, value] of columns) {
      if (/^Failed.+\(C\)$/.test(name) && name !== 'FailedCall(C)' && Number(value) > 0) causes[name] = Number(value);
    }
    return {
      name: this.name,
      created: number('TotalCallCreated'),
      ok: number('SuccessfulCall(C)'),
      failed: number('FailedCall(C)'),
      open: number('CurrentCall'),
      retransmissions: number('Retransmissions(C)'),
      causes,
      responseMs: milliseconds(columns.get('ResponseTime1(C)') ?? ''),
      code,
      errors: withoutTimeouts(readOrEmpty(this.#errors)).slice(0, 60_000),
    };
  }

  /** Last line of the statistics by column. */
  #columns(): Map<string, string> {
    const lines = readOrEmpty(this.#stats).trim().split('\n');
    const [head, last] = [lines[0]?.split(';') ?? [], lines.at(-1)?.split(';') ?? []];
    if (lines.length < 2) return new Map();
    return new Map(head.map((name, index) => [name, last[index] ?? '']));
  }
}

/** One line about a run. */
export function rowOf(result: SippResult): Record<string, string | number> {
  return {
    'run': result.name,
    'calls': result.created,
    'ok': result.ok,
    'failed': result.failed,
    'open': result.open,
    'repeated': result.retransmissions,
    'response ms': Math.round(result.responseMs),
  };
}

/** Calls that were begun and did not end as the scenario says. */
export function lostOf(result: SippResult, wanted: number): number {
  return wanted - result.ok;
}

function scenarioFile({ scenario, folder, name, ringMs }: SippOptions): string {
  const source = new URL(`../../../sim/real/sipp/${scenario}.xml`, import.meta.url);
  const file = `${folder}/${name}-${basename(source.pathname)}`;
  writeFileSync(file, readFileSync(source, 'utf8').replaceAll('@RING@', String(ringMs ?? 1)));
  return file;
}

/** A callee that rings notes each end of its ringing as if it were an error. */
function withoutTimeouts(text: string): string {
  return text.replace(
    /[\d-]+\t[\d:.]+\t[\d.]+: Call-Id: \S+, receive timeout on message \S+, jumping to label \d/g,
    '',
  );
}

/** SIPp writes `00:00:00:012000` (hours, minutes, seconds, microseconds). */
function milliseconds(text: string): number {
  const [hours, minutes, seconds, micros] = text.split(':').map(Number);
  return ((hours ?? 0) * 3_600 + (minutes ?? 0) * 60 + (seconds ?? 0)) * 1_000 + (micros ?? 0) / 1_000;
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
