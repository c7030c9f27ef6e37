/**
 * Invariants 22 to 24 and 30 inside of the registrar: with the Call-ID of a binding only a later CSeq changes it (RFC 3261
 * 10.3 step 7); a REGISTER that was carried out and comes again is not out of order; nobody is told of a binding whose time
 * is over; a 200 speaks of what the store has, whatever became of the store. Nobody keeps a binding that lapsed.
 * Seen failing with the mutants: 'an older REGISTER counts', 'a repeated REGISTER is out of order', 'bindings live for ever',
 * 'nobody expires bindings', 'a broken promise is kept all the same', 'an entity falls asleep with its timers'.
 */
import { unpackLocation } from '../../actors/questions.ts';
import type { AorState } from '../../actors/aor/state.ts';
import type { RegistrationView } from '../../actors/aor/behaviour.ts';
import { decodeRow, unpackState } from '../../actors/snapshot.ts';
import { hash32 } from '../../cluster/hash.ts';
import type { SnapshotRow } from '../../cluster/store-ports.ts';
import { unpack } from '../../src/registrar/bindings.ts';
import type { Bindings } from '../../src/registrar/bindings.ts';
import { destinationOf } from '../../src/registrar/target.ts';
import { worldStartMs } from '../clock.ts';
import type { Handled } from '../lens.ts';
import type { Observer } from '../observe.ts';
import { paramOf, uriOf, valueOf, valuesOf } from '../phone/message.ts';
import type { World } from '../world.ts';

/** Expiry counts in whole seconds, of a clock that the store sets right now and then. */
const slackMs = 2_500;

export function registers(world: World): Observer {
  /** What the store said yes to, by address-of-record, the last ones: an answer may leave some time after its write. */
  const stored = new Map<string, Bindings[]>();
  /**
   * The last of them that its owner heard of: what it did not hear of may be taken back. None after a loss, when older ones
   * may come again.
   */
  const latest = new Map<string, Bindings>();
  /** Of what a write failed: whether or not it was done, and though a later one was, it may be taken back. */
  const doubtful = new Set<string>();
  /** By owner and address-of-record: what it has decided since its last write. One write may be of several decisions. */
  const decided = new Map<string, Bindings[]>();
  const answered = new Set<string>();
  /** When an owner had it first. */
  const taken = new Map<string, number>();
  world.store.watches.push({
    lost: () => latest.clear(),
    told(rows, isDone) {
      for (const [key, bindings] of boundBy(rows)) {
        const known = latest.get(key) ?? [];
        const isHeard = (each: Bindings[number]): boolean => known.some((other) => nameOf(other) === nameOf(each));
        if (isDone)
          latest.set(
            key,
            bindings.filter((each) => !doubtful.has(nameOf(each))),
          );
        else for (const each of bindings) if (!isHeard(each)) doubtful.add(nameOf(each));
      }
    },
    written(_partition, _epoch, owner, rows, reply) {
      if (reply !== 'ok') return;
      for (const [key, bindings] of boundBy(rows)) {
        const last = stored.get(key) ?? [];
        for (const each of bindings)
          if (
            latest
              .get(key)
              ?.some(({ uri, callId, cseq }) => uri === each.uri && callId === each.callId && cseq > each.cseq)
          )
            world.fail(
              'registers',
              23,
              `${key}: ${each.uri} is bound by REGISTER ${each.cseq}, and was by a later one`,
            );
        const before = decided.get(`${owner} ${key}`) ?? [];
        const index = before.findLastIndex((each) => isSame(each, bindings));
        // What came before it in the same write is over, and that it was is stored.
        const over = before.splice(0, index + 1);
        stored.set(key, [...last, ...over, bindings].slice(-keptMax));
      }
    },
  });
  return {
    handling({ node, kind, key, input, state, nowMs }) {
      if (kind !== 'aor') return undefined;
      const { bindings } = state as AorState;
      if (input.type === 'answer')
        return () => {
          const now = (state as AorState).bindings;
          if (now === bindings) return;
          forget(latest, `aor:${key}`, bindings, now);
          const name = `${node.owner.name} aor:${key}`;
          decided.set(name, [...(decided.get(name) ?? []).slice(1 - keptMax), now]);
        };
      if (input.type === 'ask') {
        const lapsed = bindings.filter(({ expiresAtMs }) => expiresAtMs <= nowMs);
        return lapsed.length === 0 ? undefined : (lines) => checkTold(world, key, lapsed, lines);
      }
      if (input.type !== 'sip' || input.message.method !== 'REGISTER') return undefined;
      const { callId, cseq } = input.message;
      const name = `${callId} ${cseq} REGISTER`;
      if (!taken.has(name)) taken.set(name, world.kernel.nowMs);
      const kept = bindings.filter((each) => each.callId === callId && each.cseq >= cseq && each.expiresAtMs > nowMs);
      if (bindings.length === 0) return undefined;
      return () => {
        forget(latest, `aor:${key}`, bindings, (state as AorState).bindings);
        for (const each of kept)
          if (!(state as AorState).bindings.includes(each))
            world.fail('registers', 23, `${key}: REGISTER ${cseq} changes what ${each.cseq} has bound`, callId);
      };
    },
    nodeSent(node, _worker, flow, message) {
      if (typeof message === 'string' || message.method !== 'REGISTER' || message.status !== 200) return;
      const name = `${message.callId} ${valueOf(message, 'cseq')}`;
      if (answered.has(name)) return; // Said again.
      answered.add(name);
      // With the gate off nothing is promised.
      if (world.options.gate === 'off') return;
      const aor = uriOf(valueOf(message, 'to') ?? '');
      const contacts = valuesOf(message.headers, 'contact');
      // It says how long from when it was decided; then it waited for the store, and over a connection perhaps for the link
      // to the node that holds it.
      const leastMs = flow.connection === '' ? 8_000 : 20_000;
      const waitedMs = Math.max(leastMs, world.kernel.nowMs - (taken.get(name) ?? Infinity));
      // A refresh may be in the memory of a buddy alone: the store has it as it was bound before.
      const isRefreshed = world.options.gate === 'buddy';
      const nowMs = worldStartMs + world.kernel.nowMs - waitedMs;
      // What has ended while it waited need not be written any more.
      const sinceMs = world.kernel.nowMs - (taken.get(name) ?? Infinity);
      const standing = contacts.filter((each) => Number(paramOf(each, 'expires') ?? 0) * 1_000 > sinceMs);
      if (
        standing.length === 0 ||
        (stored.get(`aor:${aor}`) ?? []).some((each) => says(standing, each, nowMs, isRefreshed))
      )
        return;
      // A store that answered with an error: then a second memory must do (cluster/buddy/track.ts).
      if (isRefreshed && isCopied(world, aor)) return;
      world.fail(
        'registers',
        30,
        `${node.id} answers a REGISTER of ${aor} with ${contacts.join(', ')}: not in the store`,
      );
    },
    registration({ phone, wants, status }) {
      if (status === 500) world.fail('registers', 24, `the REGISTER of ${phone} to ${wants} is out of order`);
    },
    phase() {
      for (const node of world.liveNodes())
        for (const worker of node.workers)
          for (const partition of worker?.core.hosted.partitions() ?? [])
            for (const { key, view } of partition.list('aor'))
              for (const { contact, expiresAtMs } of view as readonly RegistrationView[])
                if (expiresAtMs < worldStartMs + world.kernel.nowMs - slackMs)
                  world.fail('registers', 34, `${node.id} still has ${contact} of ${key}, whose time is over`);
    },
  };
}

const keptMax = 9;

/**
 * What an actor had and has not any more: a REGISTER took it back, and an older one may bind it again, also before anything
 * is written.
 */
function forget(latest: Map<string, Bindings>, key: string, before: Bindings, after: Bindings): void {
  const isOf = (each: Bindings[number], all: Bindings): boolean =>
    all.some(({ uri, callId }) => uri === each.uri && callId === each.callId);
  const known = latest.get(key);
  if (known === undefined) return;
  latest.set(
    key,
    known.filter((each) => !isOf(each, before) || isOf(each, after)),
  );
}

/** Of a contact as one REGISTER bound it. */
function nameOf({ uri, callId, cseq }: Bindings[number]): string {
  return `${uri} ${callId} ${cseq}`;
}

/** What these rows say of addresses-of-record. */
function boundBy(rows: readonly SnapshotRow[]): [key: string, bindings: Bindings][] {
  const bound: [string, Bindings][] = [];
  for (const [key, value] of rows) {
    if (!key.startsWith('aor:') || value === null) continue;
    const snapshot = decodeRow(key, value)?.snapshot;
    if (snapshot !== undefined) bound.push([key, unpack(unpackState(snapshot.packed)[1] as readonly unknown[])]);
  }
  return bound;
}

function isSame(some: Bindings, others: Bindings): boolean {
  return (
    some.length === others.length &&
    some.every(({ uri, callId, cseq, expiresAtMs }, index) => {
      const other = others[index]!;
      return uri === other.uri && callId === other.callId && cseq === other.cseq && expiresAtMs === other.expiresAtMs;
    })
  );
}

function checkTold(world: World, aor: string, lapsed: Bindings, lines: Handled): void {
  for (const line of lines) {
    const start = line.indexOf(' [');
    if (!line.startsWith('answer call ') || start < 0) continue;
    const uris = unpackLocation(JSON.parse(line.slice(start + 1)), '')?.contacts.map(({ uri }) => uri) ?? [];
    for (const each of lapsed)
      if (uris.includes(destinationOf(each).requestUri))
        world.fail('registers', 22, `a call is told of ${each.uri} of ${aor}, whose time is over`);
  }
}

function isCopied(world: World, aor: string): boolean {
  const partition = hash32(aor) & (world.options.partitions - 1);
  return world.liveNodes().some((node) => node.hub.buddy.tails.holds(partition, `aor:${aor}`));
}

/** Each of these contacts of an answer is bound there until then, or longer; `isRefreshed`: for how long does not matter. */
function says(contacts: readonly string[], bindings: Bindings, nowMs: number, isRefreshed: boolean): boolean {
  return contacts.every((value) => {
    const untilMs = nowMs + Number(paramOf(value, 'expires') ?? 0) * 1_000;
    return bindings.some((each) => each.uri === uriOf(value) && (isRefreshed || each.expiresAtMs >= untilMs - slackMs));
  });
}
