/**
 * What a world may lose because its store did, and no more (invariants 8, 9 and 22 hold in all other worlds):
 *
 * - The store could not take what it was given (down, cut off, full, errors of its disk, hung for longer than its clients
 *   wait): calls go on without being stored, so that the death of their node on top of that may cost them.
 * - A Redis forgot everything, or a failover dropped the tail: what is held by a node that lives on is written again once
 *   its lease is renewed. Lost is what nobody holds then: the partitions of a node or worker that dies, or that are handed
 *   over, from `lossBeforeMs` before (their rows were read by nobody yet) until `lossAfterMs` after.
 * - A node that stood still for longer than it bears silence of a Redis finds itself without one for a moment: what it does
 *   until it has its connections again is not stored, and lost when it ends just then.
 * - Where the memory of a buddy opens the gates, what changed within the last second is in two memories and not in the store
 *   yet: lost when the buddy goes too, or cannot be reached, before the heir has asked it and the store has it. While the
 *   store takes nothing, that is all that changed.
 */
import type { LinkFault } from '../links.ts';
import type { Fault, SimOptions } from '../options.ts';
import { limits, profiles } from '../../src/limits.ts';
import type { Profile } from '../../src/limits.ts';

const refusals: ReadonlySet<string> = new Set([
  'store-down',
  'store-cut',
  'store-full',
  'store-eio',
  'isolate',
  'island',
]);
type Setting = Pick<SimOptions, 'faults' | 'store' | 'gate' | 'nodes' | 'profile'> & Links;
type Links = Partial<Pick<SimOptions, 'linkFaults'>>;

/** The same of a world that runs: a fault that waits for a write of its node may strike much later than it was planned. */
export class Losses {
  mayLose = false;
  mayOpenGates = false;
  mayForget = false;
  #setting: Setting;

  constructor(setting: Setting) {
    this.#setting = setting;
    this.#judge();
  }

  /** One that waited has struck now. */
  struck(fault: Fault, nowMs: number): void {
    const faults = this.#setting.faults.map((each) => (each === fault ? { ...fault, atMs: nowMs } : each));
    this.#setting = { ...this.#setting, faults };
    this.#judge();
  }

  #judge(): void {
    this.mayLose = mayLose(this.#setting);
    this.mayOpenGates = this.mayLose || mayOpenGates(this.#setting);
    this.mayForget = mayForget(this.#setting);
  }
}

/** Whether packets may leave though what they rely on is not stored (invariant 30): the store did not take it. */
function mayOpenGates(options: Setting): boolean {
  return options.faults.some(({ kind }) => kind === 'redis-failover' || kind === 'store-hung');
}

const lossBeforeMs = 5_000;
/** Votes, a table, seals, and all snapshots written anew. */
const lossAfterMs = 6_000;

export function mayLose(options: Setting): boolean {
  if (options.gate === 'off' && options.faults.some((fault) => endsUnsaved(fault, options.profile))) return true;
  if (options.gate === 'buddy' && losesBothMemories(options)) return true;
  const isRedis = options.store.kind === 'redis';
  if (isRedis && losesUnwritten(options)) return true;
  return options.faults.some((fault) => {
    if (refusals.has(fault.kind)) return true;
    if (fault.kind === 'store-hung') return fault.forMs >= (isRedis ? limits.redisSilenceMs : limits.storeBusyMs) - 500;
    if (fault.kind === 'store-wiped' || fault.kind === 'redis-failover')
      return isRedis && (meetsAnother(fault, options.faults) || cutsOff(fault, options));
    return false;
  });
}

/** From the end of a stop until a node has its connections to a Redis again, and the Redis what changed meanwhile. */
export const silentStopMs = 2 * limits.redisReconnectMsMax + 5 * limits.storeRetryMs;

/** A node that stood still for so long that it gave up its connections to a Redis, and ended before it had written again. */
function losesUnwritten({ faults, profile }: Pick<SimOptions, 'faults' | 'profile'>): boolean {
  return faults.some(
    (stop) =>
      stop.kind === 'pause' &&
      stop.forMs >= limits.redisSilenceMs &&
      faults.some(
        (end) =>
          (end.kind === 'crash' || end.kind === 'worker-crash' || isDeadly(end, profile)) &&
          end !== stop &&
          end.node === stop.node &&
          end.atMs >= stop.atMs &&
          end.atMs < endOf(stop) + silentStopMs,
      ),
  );
}

/** What is copied is written within a second, and some time later on a slow store. */
const unstoredMs = 1_500;
/** Votes, a table, seals, the question to the buddy and the writing of what it said. */
const takeoverMs = 6_000;

/** A link that has fallen silent is made anew so much later. Until then its other end is waited for (`tailWaitMs`). */
const silentMs = limits.linkSilenceMs + limits.linkRedialMsMax;

function losesBothMemories({
  faults,
  linkFaults = [],
  nodes,
  profile,
}: Pick<SimOptions, 'faults' | 'nodes' | 'profile'> & Links): boolean {
  return faults.some(
    (owner) =>
      (owner.kind === 'crash' || owner.kind === 'worker-crash' || isDeadly(owner, profile)) &&
      faults.some((buddy) => {
        const backMs = endOf(buddy) + (buddy.kind === 'drain' ? startMs : 0);
        const isWaitedFor = linkFaults.some((silence) => fallsSilent(silence, owner, buddy));
        if (buddy === owner || backMs < unstoredFromMs(owner, faults)) return false;
        if (buddy.atMs > takenOverMs(owner, faults) + (isWaitedFor ? limits.tailWaitMs : 0)) return false;
        if (buddy.kind === 'cut' || buddy.kind === 'one-way-cut') return true;
        if (buddy.node === owner.node) return false;
        // Who leaves waits for an heir to come for what it has, but not for a node that is to be started again.
        if (buddy.kind === 'drain')
          return owner.kind !== 'worker-crash' && isLast(buddy, owner, faults, nodes, profile);
        return buddy.kind === 'crash' || isDeadly(buddy, profile);
      }),
  );
}

/** The link between that buddy and an heir, when the heir asks. */
function fallsSilent({ atMs, from, to, kind }: LinkFault, owner: Fault, buddy: Fault): boolean {
  if (kind !== 'silent' || atMs + silentMs < owner.atMs || atMs > owner.atMs + takeoverMs) return false;
  // The heir of a worker may be another one of its node.
  if (owner.kind !== 'worker-crash' && (from === owner.node || to === owner.node)) return false;
  return from === buddy.node || to === buddy.node;
}

/** Of a cluster nobody else was there either, around that time. */
function isLast(
  leaving: Fault,
  lost: Fault,
  faults: readonly Fault[],
  nodes: number,
  profile: Profile | undefined,
): boolean {
  const gone = new Set([leaving.node, lost.node]);
  for (const each of faults)
    if (
      (each.kind === 'drain' || each.kind === 'crash' || isDeadly(each, profile)) &&
      each.atMs < endOf(leaving) + startMs &&
      endOf(each) + startMs > leaving.atMs
    )
      gone.add(each.node);
  return gone.size >= nodes;
}

/** Until a node that left or was lost is there again. */
const startMs = 8_000;

/** From when on what this one had may be in no store yet: further back when the store took nothing then. */
function unstoredFromMs({ atMs }: Fault, faults: readonly Fault[]): number {
  let fromMs = atMs - unstoredMs;
  for (;;) {
    const outage = faults.find((each) => isOutage(each) && each.atMs < fromMs && endOf(each) + unstoredMs >= fromMs);
    if (outage === undefined) return fromMs;
    fromMs = outage.atMs;
  }
}

/** When others have what this one had: later when they do not reach the store. */
function takenOverMs({ atMs }: Fault, faults: readonly Fault[]): number {
  let untilMs = atMs + takeoverMs;
  for (;;) {
    const outage = faults.find((each) => isOutage(each) && each.atMs < untilMs && endOf(each) + takeoverMs > untilMs);
    if (outage === undefined) return untilMs;
    untilMs = endOf(outage) + takeoverMs;
  }
}

function isOutage({ kind }: Fault): boolean {
  return refusals.has(kind) || kind === 'store-hung' || kind === 'redis-failover';
}

const deadly: ReadonlySet<string> = new Set(['pause', 'isolate', 'island']);
/** Stopped, or cut off, for so long that it may be taken for dead. */
function isDeadly({ kind, forMs }: Fault, profile: Profile | undefined): boolean {
  const { leaseTtlMs, leaseMarginMs, leaseRenewMs } = profiles[profile ?? 'default'];
  return deadly.has(kind) && forMs >= leaseTtlMs - leaseMarginMs - leaseRenewMs;
}

/** Whether a registration may be gone, or expire too soon, though its 200 stands: nobody has what was promised any more. */
export function mayForget(options: Pick<SimOptions, 'faults' | 'gate' | 'nodes' | 'profile'> & Links): boolean {
  const { faults, gate } = options;
  if (gate === 'buddy' && losesBothMemories(options)) return true;
  if (gate === 'off' && faults.some((fault) => endsUnsaved(fault, options.profile))) return true;
  // A REGISTER that only refreshes waits for no replica.
  return faults.some(
    (fault) =>
      (fault.kind === 'store-wiped' || fault.kind === 'redis-failover') &&
      (meetsAnother(fault, faults) || cutsOff(fault, options)),
  );
}

/**
 * A failover to the end of which so many links of a node are silent that too few confirm it: it could not renew its lease
 * either, so the others vote it dead as soon as there is a Redis again, and that one has forgotten its tail.
 */
function cutsOff(
  loss: Fault,
  { nodes, profile, linkFaults = [] }: Pick<SimOptions, 'nodes' | 'profile'> & Links,
): boolean {
  const { leaseTtlMs, leaseMarginMs, leaseRenewMs, voteGuardMs } = profiles[profile ?? 'default'];
  const isLong = loss.tailMs + loss.forMs >= leaseTtlMs - leaseMarginMs - leaseRenewMs;
  if (loss.kind !== 'redis-failover' || !isLong) return false;
  const votedMs = endOf(loss) + limits.redisReconnectMsMax + leaseRenewMs - voteGuardMs;
  const silent = new Map<string, Set<string>>();
  for (const { atMs, kind, from, to } of linkFaults) {
    if (kind !== 'silent' || atMs > votedMs || atMs + silentMs < endOf(loss)) continue;
    silent.set(from, (silent.get(from) ?? new Set()).add(to));
    silent.set(to, (silent.get(to) ?? new Set()).add(from));
  }
  // As many as can kill it (docs/cluster-control.md).
  return [...silent.values()].some(({ size }) => size >= Math.ceil(nodes / 2));
}

/** With the gate off what changed a moment ago is in one memory: anything but an orderly end, and time, may cost it. */
function endsUnsaved(fault: Fault, profile: Profile | undefined): boolean {
  if (fault.kind === 'pause') return isDeadly(fault, profile);
  return fault.kind !== 'drain' && fault.kind !== 'weather' && fault.kind !== 'clock';
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
