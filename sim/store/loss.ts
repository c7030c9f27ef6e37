/**
 * What a world may lose because its store did, and no more (invariants 8, 9 and 22 hold in all other worlds):
 *
 * - The store could not take what it was given (down, cut off, full, errors of its disk, hung for longer than its clients
 *   wait): calls go on without being stored, so that the death of their node on top of that may cost them.
 * - A Redis forgot everything, or a failover dropped the tail: what is held by a node that lives on is written again once
 *   its lease is renewed. Lost is what nobody holds then: the partitions of a node or worker that dies, or that are handed
 *   over, from `lossBeforeMs` before (their rows were read by nobody yet) until `lossAfterMs` after.
 */
import type { Fault, SimOptions } from '../options.ts';
import { limits } from '../../src/limits.ts';

const refusals: ReadonlySet<string> = new Set([
  'store-down',
  'store-cut',
  'store-full',
  'store-eio',
  'isolate',
  'island',
]);
/** Whether packets may leave though what they rely on is not stored (invariant 30): the store did not take it. */
export function mayOpenGates(options: SimOptions): boolean {
  return mayLose(options) || options.faults.some(({ kind }) => kind === 'redis-failover' || kind === 'store-hung');
}

const lossBeforeMs = 5_000;
/** Votes, a table, seals, and all snapshots written anew. */
const lossAfterMs = 6_000;

export function mayLose(options: SimOptions): boolean {
  const isRedis = options.store.kind === 'redis';
  return options.faults.some((fault) => {
    if (refusals.has(fault.kind)) return true;
    if (fault.kind === 'store-hung') return fault.forMs >= (isRedis ? limits.redisSilenceMs : limits.storeBusyMs) - 500;
    if (fault.kind === 'store-wiped' || fault.kind === 'redis-failover')
      return isRedis && meetsAnother(fault, options.faults);
    return false;
  });
}

/** Whether a registration may be gone though its 200 stands: forgotten by the store while nobody held it. */
export function mayForget(faults: readonly Fault[]): boolean {
  return faults.some((fault) => fault.kind === 'store-wiped' && meetsAnother(fault, faults));
}

/** Another fault that takes the state of a partition out of memory, near to one that takes it out of the store. */
function meetsAnother(loss: Fault, faults: readonly Fault[]): boolean {
  const fromMs = loss.atMs - lossBeforeMs;
  const toMs = loss.atMs + loss.tailMs + loss.forMs + lossAfterMs;
  return faults.some(
    (other) =>
      other !== loss &&
      other.kind !== 'weather' &&
      other.kind !== 'clock' &&
      endOf(other) > fromMs &&
      other.atMs < toMs,
  );
}

function endOf({ atMs, tailMs, forMs }: Fault): number {
  return atMs + tailMs + forMs;
}
