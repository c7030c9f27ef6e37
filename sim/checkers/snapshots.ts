/**
 * Invariant 31: a snapshot is the whole truth. Of some inputs (one in `oneIn`, drawn by a stream of its own): the actor's
 * state is packed and unpacked before its turn, packed again it is the same, and the twin that was made from it does the
 * same with the input as the live actor, and is the same afterwards.
 * Seen failing with the mutants: 'a cancelled call forgets that on its way to another node', 'the final status is not in
 * the snapshot', 'that a branch rings is not in the snapshot'.
 */
import { packState, unpackState } from '../../actors/snapshot.ts';
import type { Packed } from '../../actors/snapshot.ts';
import { Dialogs } from '../../actors/call/dialogs.ts';
import type { CallState } from '../../actors/call/state.ts';
import type { Behaviour } from '../../actors/entity.ts';
import { WrittenTurn } from '../lens.ts';
import type { Handled, Handling } from '../lens.ts';
import type { Observer } from '../observe.ts';
import { Stream } from '../random.ts';
import type { World } from '../world.ts';

const oneIn = 256;
const hourMs = 3_600_000;

export function snapshots(world: World): Observer {
  const random = new Stream(world.options.seed, 'snapshots');
  const share = world.options.looksAtAll === true ? 1 : 1 / oneIn;
  return {
    handling(turn) {
      if (!random.chance(share)) return undefined;
      const packed = pack(turn.twin, turn.state);
      if (packed === undefined) return undefined;
      const { kind, key, twin, partition, nowMs } = turn;
      // As if nothing were overdue: repetitions that were missed are put right on waking up (transaction/machine.ts).
      const waking = new WrittenTurn(partition, nowMs - hourMs);
      const copy = twin.unpack(key, unpackState(packed), waking);
      // Routing was under way and began anew, which may end at once where the live one waits for an answer.
      if (waking.lines.some((line) => !line.startsWith('timer ') && !line.startsWith('no timer '))) return undefined;
      const again = pack(twin, copy);
      if (again !== packed && (turn.kind !== 'aor' || isComparable(turn)))
        world.fail('snapshots', 31, `${kind} ${key}: packed, unpacked and packed again it is another state`, key);
      if (isSame(turn.state, copy))
        return isComparable(turn) ? (wanted) => compare(world, turn, copy, wanted) : undefined;
      const [mine, its] = [portrait(turn.state), portrait(copy)];
      if (mine !== its) world.fail('snapshots', 31, `${kind} ${key}: ${firstDifference(mine, its)}`, key);
      return isComparable(turn) ? (wanted) => compare(world, turn, copy, wanted) : undefined;
    },
  };
}

/**
 * A write that nobody waits for is no part of the comparison: whether it is needed depends on what the store has
 * (`keptPending` in actors/call/state.ts), which no snapshot says of itself. Nor is whether it stops: a user's actor stays
 * for the answers to REGISTERs that it remembers. Nor are questions for the way to a phone whose connection is gone
 * (actors/call/way.ts): a new owner finds that out itself.
 */
function said(lines: Handled): Handled {
  return lines.filter((line) => line !== 'save none ' && line !== 'stop' && !isAboutWays.test(line));
}

const isAboutWays = /^(?:no )?timer W|^ask aor \S+ \["way"/;

/**
 * Which inputs mean the same to both. Not the answers to questions: those that the twin would ask have other numbers. Not
 * what a user's actor decides by nonces: which of them are used is forgotten on purpose (actors/aor/behaviour.ts), and so
 * are answered REGISTERs.
 */
function isComparable({ kind, input }: Handling): boolean {
  if (input.type === 'answer' || input.type === 'ask-failed') return false;
  if (input.type === 'timer' && input.name === 'W') return false;
  // Of a counter: whom it doubts when is not in the snapshot.
  if (kind === 'limit') return input.type === 'ask';
  return kind === 'call' || (input.type === 'timer' && input.name === 'expire');
}

function compare(world: World, turn: Handling, copy: unknown, wanted: Handled): void {
  const { kind, key, input, twin, partition, nowMs, state } = turn;
  const written = new WrittenTurn(partition, nowMs);
  twin.receive(copy, input, written);
  const [live, twins] = [said(wanted), said(written.lines)];
  const differing = twins.findIndex((line, index) => line !== live[index]);
  if (differing >= 0 || twins.length !== live.length) {
    const index = differing < 0 ? twins.length : differing;
    // Nonces are remembered by the live one alone: it stays for them a while when its last contact has gone.
    if (kind === 'aor' && twins[index] === 'stop' && live[index] === undefined) return;
    const name =
      input.type === 'timer' ? `timer ${input.name}` : input.type === 'sip' ? nameOf(input.message) : input.type;
    world.fail(
      'snapshots',
      31,
      `${kind} ${key}, ${name}: the live one wants ${live[index] ?? 'nothing more'}, its twin from the snapshot ${twins[index] ?? 'nothing more'}`,
      key,
    );
  }
  // Of a user's actor a part is forgotten on purpose.
  if (kind !== 'aor' && pack(twin, state) !== pack(twin, copy))
    world.fail('snapshots', 31, `${kind} ${key}: after a ${input.type} its twin is in another state`, key);
}

function nameOf(message: { readonly method: string; readonly status: number }): string {
  return `${message.method} ${message.status}`;
}

/**
 * What only the live one knows, and need not be kept: routing under way (it begins anew), what follows from the rest, and
 * which nonces are used.
 */
const ownMemory: ReadonlySet<string> = new Set([
  'run',
  'askId',
  'asked',
  'claimed',
  'challenges',
  'keptPending',
  'plan',
  'owners',
  'proof',
  'table',
  'context',
  'windows',
  'requests',
  'answered',
  'waiting',
  'lost',
  'isWatched',
  'askedOf',
  'askedPerMs',
  'sureUntilMs',
  'doubts',
]);

/** Whether the portraits of both are the same, without drawing them; false: perhaps. */
function isSame(mine: unknown, its: unknown): boolean {
  if (mine === its) return true;
  if (typeof mine !== 'object' || typeof its !== 'object' || mine === null || its === null) return false;
  if (mine instanceof Uint8Array) return its instanceof Uint8Array && Buffer.compare(mine, its) === 0;
  if (mine instanceof Dialogs) return its instanceof Dialogs && isSame(mine.pack(), its.pack());
  if (mine instanceof Map) {
    if (!(its instanceof Map) || mine.size !== its.size) return false;
    const others = its.entries();
    for (const [name, each] of mine) {
      const [otherName, other] = others.next().value as [unknown, unknown];
      if (name !== otherName || !isSame(each, other)) return false;
    }
    return true;
  }
  if (Array.isArray(mine)) {
    if (!Array.isArray(its) || mine.length !== its.length) return false;
    return mine.every((each, index) => isSame(each, its[index]));
  }
  if (Array.isArray(its) || its instanceof Map || its instanceof Uint8Array || its instanceof Dialogs) return false;
  const [fields, others] = [mine as Readonly<Record<string, unknown>>, its as Readonly<Record<string, unknown>>];
  if (fields['bytes'] instanceof Uint8Array) return isSame(fields['bytes'], others['bytes']);
  for (const name in fields) if (!isNothing(name, fields[name]) && !isSame(fields[name], others[name])) return false;
  for (const name in others) if (!isNothing(name, others[name]) && isNothing(name, fields[name])) return false;
  return true;
}

/** Nothing, written down or not. */
function isNothing(name: string, value: unknown): boolean {
  return value === undefined || value === 0 || ownMemory.has(name);
}

/** All that a state has in it, field by field, so that a field which is in no snapshot is missed. */
function portrait(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  if (value instanceof Dialogs) return portrait(value.pack());
  if (value instanceof Map)
    return `{${[...value].map(([name, each]) => `${String(name)}: ${portrait(each)}`).join('; ')}}`;
  if (Array.isArray(value)) return `[${value.map(portrait).join('; ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  // A message: it was read from its octets.
  if ('bytes' in value && value.bytes instanceof Uint8Array) return portrait(value.bytes);
  // Nothing, written down or not, in whatever order.
  const fields = Object.entries(value)
    .filter(([name, each]) => !ownMemory.has(name) && each !== undefined && each !== 0)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, each]) => `${name}: ${portrait(each)}`).join('; ')}}`;
}

function firstDifference(mine: string, its: string): string {
  let at = 0;
  while (mine[at] === its[at]) at++;
  const from = Math.max(0, at - 40);
  return `the live one has ...${mine.slice(from, at + 40)}, its twin from the snapshot ...${its.slice(from, at + 40)}`;
}

/** Packing notes in a call what the store will have then; here it will not. */
function pack(behaviour: Behaviour<unknown>, state: unknown): Packed | undefined {
  const { contexts } = state as Partial<CallState>;
  const kept = [...(contexts?.values() ?? [])].map((context) => [context, context.keptPending] as const);
  const packed = behaviour.pack(state);
  for (const [context, keptPending] of kept) context.keptPending = keptPending;
  return packed === null ? undefined : packState(packed);
}
