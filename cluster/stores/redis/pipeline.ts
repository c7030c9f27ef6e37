/**
 * Runs scripts on one Redis server in one pipeline: by their hash, and once more by their text where the server does not
 * know them (NOSCRIPT: it was restarted, or is another one than before). A script that the server did not know was not
 * run, so that sending it again is safe.
 */
import type { Redis } from 'ioredis';
import { limits } from '../../../src/limits.ts';
import { StoreError } from '../../store-ports.ts';
import type { Script } from './scripts.ts';

export type Argument = string | number | Buffer;

export interface Step {
  readonly script: Script;
  /** Not empty; all in one slot. */
  readonly keys: readonly [string, ...string[]];
  readonly arguments: readonly Argument[];
}

/** Texts come as octets. */
export type Reply = number | Buffer | null | readonly Reply[];

export type Outcome = Reply | Error;

/** @param replicas how many must have all of it before it counts; 0 none */
export async function runSteps(server: Redis, steps: readonly Step[], replicas: number): Promise<Outcome[]> {
  const outcomes = await send(server, steps, replicas, false);
  const unknown = steps.flatMap((step, i) => (isUnknownScript(outcomes[i]) ? [{ step, i }] : []));
  if (unknown.length === 0) return outcomes;
  const again = await send(
    server,
    unknown.map(({ step }) => step),
    replicas,
    true,
  );
  for (const [at, { i }] of unknown.entries()) outcomes[i] = again[at] ?? null;
  return outcomes;
}

async function send(server: Redis, steps: readonly Step[], replicas: number, withText: boolean): Promise<Outcome[]> {
  const sent = new Set<Script>();
  const pipeline = server.pipeline();
  for (const { script, keys, arguments: parameters } of steps) {
    // The first of its kind teaches the server the script; those behind it in the pipeline find it known.
    if (withText && !sent.has(script)) pipeline.callBuffer('EVAL', script.text, keys.length, ...keys, ...parameters);
    else pipeline.callBuffer('EVALSHA', script.sha, keys.length, ...keys, ...parameters);
    sent.add(script);
  }
  if (replicas > 0) pipeline.wait(replicas, limits.redisConfirmMs);
  const replies = (await pipeline.exec()) ?? [];
  const outcomes = steps.map((_step, i): Outcome => {
    const [error, reply] = replies[i] ?? [new Error('no reply'), null];
    return error ?? (reply as Reply);
  });
  if (replicas === 0) return outcomes;
  const fault = confirmationFault(replies[steps.length], replicas);
  return fault === undefined ? outcomes : outcomes.map((outcome) => (outcome instanceof Error ? outcome : fault));
}

function confirmationFault(reply: [Error | null, unknown] | undefined, replicas: number): Error | undefined {
  const [error, confirmed] = reply ?? [new Error('no reply'), 0];
  if (error !== null) return error;
  if (Number(confirmed) >= replicas) return undefined;
  return new StoreError(
    'unreachable',
    `${String(confirmed)} of ${replicas} replicas of the store confirmed a write within ${limits.redisConfirmMs} ms, so it ` +
      'does not count: a failover could lose it. Check the replicas and the network between them.',
  );
}

function isUnknownScript(outcome: Outcome | undefined): boolean {
  return outcome instanceof Error && outcome.message.startsWith('NOSCRIPT');
}
