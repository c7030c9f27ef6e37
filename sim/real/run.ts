/**
 * `carillon sim --real`: runs with real processes, one after the other. A broken invariant is reported with seed, schedule
 * and ladder, and everything that was recorded is kept in a folder.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { Violation } from '../observe.ts';
import { Capture } from './capture.ts';
import { checkEnd, checkReady, packetCheckers } from './checkers.ts';
import { OneActor } from './one-actor.ts';
import { drawReal } from './options.ts';
import type { RealOptions, RealWishes } from './options.ts';
import { freeBase } from './ports.ts';
import type { SippResult } from './sipp.ts';
import { Twin } from './twin.ts';

export interface RealRunOptions extends RealWishes {
  readonly seed: number;
  readonly seeds: number;
  /** No new run begins after so long. */
  readonly realSeconds?: number | undefined;
  readonly log: 'short' | 'full';
  /** Name of a mutant of sim/mutants/list.ts that the nodes run with. */
  readonly mutant?: string | undefined;
}

export interface RealResult {
  readonly options: RealOptions;
  readonly violation: Violation | undefined;
  readonly tookMs: number;
  readonly calls: number;
  readonly answered: number;
  /** Calls that both sides held and one of them lost, also where an invariant allows that. */
  readonly lost: number;
  readonly registrations: number;
  readonly datagrams: number;
  /** Calls that changed their owner while they were heard. */
  readonly moved: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly lateMs: number;
  /** Calls of phones that are none of ours. */
  readonly sipp: SippResult;
  /** Of the capture; '' when all held. */
  readonly folder: string;
  readonly ladder: readonly string[];
}

const ladderLinesMax = 120;

/** The exit code: 0 all held, 1 an invariant was broken. */
export async function runReal(options: RealRunOptions, print: (line: string) => void): Promise<number> {
  const endMs = options.realSeconds === undefined ? Infinity : performance.now() + options.realSeconds * 1_000;
  const sums = new Map<string, number>();
  const add = (name: string, value: number): void => void sums.set(name, (sums.get(name) ?? 0) + value);
  let code = 0;
  for (let index = 0; index < options.seeds && performance.now() < endMs && code === 0; index++) {
    const seed = options.seed + index;
    const result = await playReal(drawReal(seed, options), {
      mutant: options.mutant ?? '',
      say: options.log === 'full' ? print : () => undefined,
    });
    print(summary(result));
    add('runs', 1);
    for (const name of ['calls', 'answered', 'lost', 'registrations', 'datagrams', 'moved'] as const)
      add(name, result[name]);
    for (const [kind, count] of Object.entries(result.faults)) add(kind, count);
    for (const name of ['created', 'ok', 'failed'] as const) add(`${name} by SIPp`, result.sipp[name]);
    if (result.violation === undefined) continue;
    code = 1;
    for (const line of report(result, result.violation)) print(line);
  }
  if (options.seeds > 1) print(`all: ${[...sums].map(([name, value]) => `${value} ${name}`).join(', ')}`);
  return code;
}

/** One run. @throws when it could not be set up */
export async function playReal(
  options: RealOptions,
  { mutant, say }: { readonly mutant: string; readonly say: (line: string) => void },
): Promise<RealResult> {
  const { seed } = options.sim;
  const base = await freeBase(seed);
  const folder = resolve(tmpdir(), `carillon-real-${seed}-${process.pid}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const twin = new Twin({ options, folder, base, mutant, say });
  const capture = new Capture();
  const actor = new OneActor(twin);
  twin.observers.push(...packetCheckers.map((checker) => checker(twin)), actor.observer, {
    callEvent: (call, what) => twin.say(`call ${call.plan.callId}: ${what}`),
    fault: ({ kind, node, other, forMs }) => twin.say(`FAULT ${kind} ${node} ${other} for ${forMs} ms`),
    registration: (each) => twin.say(`${each.phone}: ${each.wants} ${each.status}`),
    phase: (phase) => twin.say(`-- ${phase}`),
  });
  const stop = (): never => {
    twin.kill();
    process.exit(130);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  const startedMs = performance.now();
  let lateMs = 0;
  let sipp: SippResult = { created: 0, ok: 0, failed: 0 };
  let violation: Violation | undefined;
  try {
    await twin.open();
    const wallMs = Date.now() - twin.kernel.nowMs;
    twin.network.watchers.push(capture.watch);
    try {
      await twin.run(async (phase) => {
        if (phase === 'healed') await checkReady(twin);
        if (phase === 'end') await checkEnd(twin);
      });
    } catch (error) {
      violation =
        error instanceof Violation
          ? error
          : new Violation('sound', 37, error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    lateMs = twin.kernel.lateMsMax;
    sipp = twin.sipp?.result() ?? sipp;
    if (violation !== undefined) keep(twin, capture, wallMs, violation);
  } finally {
    await twin.close();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stop);
    if (violation === undefined) rmSync(folder, { recursive: true, force: true });
  }
  return {
    options,
    violation,
    tookMs: performance.now() - startedMs,
    calls: twin.calls.length,
    answered: twin.calls.filter((call) => call.finals[0]?.status === 200).length,
    lost: lostOf(twin),
    registrations: twin.registrations.length,
    datagrams: capture.passages.length,
    moved: actor.moved,
    faults: Object.fromEntries(twin.faults?.counts ?? []),
    lateMs,
    sipp,
    folder: violation === undefined ? '' : folder,
    ladder: violation === undefined || violation.callId === '' ? [] : capture.ladder(violation.callId),
  };
}

/** Calls of which one side could not tell the other about the end, or that were never acknowledged. */
function lostOf(twin: Twin): number {
  return twin.calls.filter(
    (call) =>
      call.requests.some((each) => each.method === 'BYE' && each.timedOut) ||
      call.legs.some((leg) => leg.final === 200 && leg.abandoned && call.finals.some(({ tag }) => tag === leg.tag)),
  ).length;
}

function keep(twin: Twin, capture: Capture, wallMs: number, violation: Violation): void {
  const { folder, options, mutant } = twin.setting;
  capture.write(folder, wallMs);
  writeFileSync(`${folder}/schedule.json`, JSON.stringify({ mutant, ...options }, undefined, 2));
  writeFileSync(`${folder}/calls.json`, JSON.stringify(twin.calls, undefined, 1));
  writeFileSync(`${folder}/registrations.json`, JSON.stringify(twin.registrations, undefined, 1));
  if (violation.callId !== '')
    writeFileSync(`${folder}/ladder.txt`, `${capture.ladder(violation.callId).join('\n')}\n`);
}

function summary({ options, tookMs, lateMs, faults, ...result }: RealResult): string {
  const struck = Object.entries(faults).map(([kind, count]) => `${count} ${kind}`);
  return (
    `seed ${options.sim.seed} (${options.store}, ${options.workers} workers): ${result.calls} calls, ${result.answered} answered, ` +
    `${result.lost} lost, ${result.registrations} registrations, ${result.moved} moved, ` +
    `SIPp ${result.sipp.ok} of ${result.sipp.created}, ${result.datagrams} datagrams in ` +
    `${(tookMs / 1_000).toFixed(0)} s, up to ${lateMs.toFixed(0)} ms late; faults: ${struck.join(', ') || 'none'}`
  );
}

function report(result: RealResult, violation: Violation): string[] {
  const { sim } = result.options;
  return [
    '',
    `invariant ${violation.invariant} (${violation.checker}) is broken in the real run of seed ${sim.seed}: ${violation.message}`,
    `schedule: ${sim.faults.map(({ atMs, kind, node, other, forMs }) => `${(atMs / 1_000).toFixed(1)} s ${kind} ${node}${kind.endsWith('cut') ? ` ${other}` : ''} for ${forMs} ms`).join('; ') || 'no faults'}`,
    ...(result.ladder.length === 0 ? [] : [`call ${violation.callId}:`, ...result.ladder.slice(0, ladderLinesMax)]),
    `capture, logs and histories: ${result.folder}`,
    `once more: carillon sim --real --seed ${sim.seed} (the same schedule; what the machine makes of it may differ)`,
  ];
}
