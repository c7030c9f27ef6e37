/**
 * The toys of partition-world.ts: entities that do what they are told, and compare on every turn the state that the runtime
 * gives them with the state they should have.
 */
import assert from 'node:assert';
import type { Behaviour, Input, Kind, SaveGate, SipRequest, Turn } from '../../actors/entity.ts';
import type { Flow } from '../../src/outside.ts';
import type { World } from './partition-world.ts';

export const flow: Flow = { protocol: 'udp', listener: 0, address: '127.0.0.1', port: 5060, connection: '' };

/** What a toy is told. `serial` rises with each command of the test. */
export type Command = readonly [
  serial: number,
  op: Op,
  argument: number | string,
  gate: SaveGate | 'durable' | 'promise' | 'no',
];
export type Op = 'add' | 'timer' | 'clear' | 'ask' | 'stop' | 'crash' | 'arm-crash';

export interface ToyState {
  serial: number;
  /** The serial of the last command that was saved with the gate 'store'. */
  gated: number;
  /** The same for a save whose answer promises that it is kept. */
  promised: number;
  total: number;
  deadlineMs: number;
  fired: number;
  /** A timer that breaks the entity. */
  crashAtMs: number;
  waiting: { id: number; key: string }[];
  blob: Uint8Array;
}

/** The behaviour of the toys of one kind. */
export function toy(world: World, kind: Kind): Behaviour<unknown> {
  const keyOf = new WeakMap<ToyState, string>();
  const arm = (state: ToyState, turn: Turn): void => {
    if (state.deadlineMs > 0) turn.timer('deadline', state.deadlineMs);
    if (state.crashAtMs > 0) turn.timer('crash', state.crashAtMs);
  };
  const behaviour: Behaviour<ToyState> = {
    passivateAfterMs: 5_000,
    create(key) {
      assert.equal(world.of(key).live, undefined, 'created although it lives');
      const state = {
        serial: 0,
        gated: 0,
        promised: 0,
        total: 0,
        deadlineMs: 0,
        fired: 0,
        crashAtMs: 0,
        waiting: [],
        blob: Buffer.alloc(3),
      };
      keyOf.set(state, key);
      world.of(key).live = plain(packed(state));
      return state;
    },
    unpack(key, row, turn) {
      const [, serial, gated, total, deadlineMs, fired, crashAtMs, targets, blob, promised] = row as [
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        string[],
        Uint8Array,
        number,
      ];
      const state = {
        serial,
        gated,
        promised,
        total,
        deadlineMs,
        fired,
        crashAtMs,
        blob,
        waiting: targets.map((to) => ({ id: 0, key: to })),
      };
      keyOf.set(state, key);
      assert.deepStrictEqual(plain(row), world.of(key).live, 'read back another state');
      for (const each of state.waiting) each.id = turn.ask({ kind, key: each.key }, state.serial);
      arm(state, turn);
      return state;
    },
    pack(state) {
      world.of(keyOf.get(state)!).packed = plain(packed(state));
      return packed(state);
    },
    receive(state, input, turn) {
      const entry = world.of(keyOf.get(state)!);
      assert.deepStrictEqual(plain(packed(state)), entry.live, 'the state changed between two turns');
      try {
        handle(world, keyOf.get(state)!, state, input, turn);
      } catch (error) {
        // The runtime has to go back to the last snapshot.
        entry.live = entry.packed;
        throw error;
      }
      const stopped = (turn as unknown as { stopped: boolean }).stopped;
      entry.live = stopped ? undefined : plain(packed(state));
      if (stopped) entry.packed = undefined;
    },
    isIdle: (state) => state.waiting.length === 0,
    describe: (state) => `toy ${keyOf.get(state)} total ${state.total}`,
    view: (state) => ({ total: state.total, serial: state.serial }),
  };
  return behaviour as Behaviour<unknown>;
}

function packed({
  serial,
  gated,
  promised,
  total,
  deadlineMs,
  fired,
  crashAtMs,
  waiting,
  blob,
}: ToyState): readonly unknown[] {
  return [1, serial, gated, total, deadlineMs, fired, crashAtMs, waiting.map(({ key }) => key), blob, promised];
}

function handle(world: World, key: string, state: ToyState, input: Input, turn: Turn): void {
  switch (input.type) {
    case 'tell':
      command(world, key, state, input.body as Command, turn);
      return;
    case 'timer':
      assert(world.nowMs >= (input.name === 'crash' ? state.crashAtMs : state.deadlineMs), 'a timer fired early');
      if (input.name === 'crash') throw new Error('the timer breaks it');
      assert(state.deadlineMs > 0, 'a timer that is not armed');
      state.deadlineMs = 0;
      state.fired++;
      turn.save('none');
      return;
    case 'ask':
      state.total++;
      turn.answer(input.asker, state.total);
      turn.save('store');
      return;
    case 'answer':
    case 'ask-failed': {
      const index = state.waiting.findIndex(({ id }) => id === input.id);
      assert(index >= 0, 'an answer to nothing it asked');
      state.waiting.splice(index, 1);
      turn.save('none');
      return;
    }
    case 'sip':
    case 'undelivered':
      state.total++;
  }
}

function command(world: World, key: string, state: ToyState, [serial, op, argument, gate]: Command, turn: Turn): void {
  state.serial = serial;
  world.of(key).handled = serial;
  if (gate === 'store' || gate === 'durable' || gate === 'promise') state.gated = serial;
  if (gate === 'promise') {
    const entry = world.of(key);
    state.promised = serial;
    turn.save('store', { promisedTo: { key, serial } as unknown as SipRequest });
    if (op !== 'crash') entry.promises.push({ serial, before: entry.packed });
  } else if (gate === 'durable') turn.save('store', { durable: true });
  else if (gate !== 'no') turn.save(gate);
  switch (op) {
    case 'add':
      state.total += argument as number;
      state.blob = Buffer.from([state.total & 255, 0xff, 0x80]);
      break;
    case 'timer':
      state.deadlineMs = turn.nowMs + (argument as number);
      turn.timer('deadline', state.deadlineMs);
      break;
    case 'clear':
      state.deadlineMs = 0;
      turn.clearTimer('deadline');
      break;
    case 'ask':
      state.waiting.push({ id: turn.ask({ kind: 'call', key: argument as string }, serial), key: argument as string });
      break;
    case 'arm-crash':
      state.crashAtMs = turn.nowMs + (argument as number);
      turn.timer('crash', state.crashAtMs);
      break;
    case 'stop':
      turn.stop();
      break;
    case 'crash':
      state.total = -1_000;
      turn.send(flow, Buffer.from(JSON.stringify({ key, serial, needs: 0, needsPromise: 0, total: -1_000 })));
      turn.timer('deadline', 1);
      throw new Error('told to break');
  }
  turn.send(
    flow,
    Buffer.from(JSON.stringify({ key, serial, needs: state.gated, needsPromise: state.promised, total: state.total })),
  );
}

/** Comparable: byte arrays become arrays. */
export function plain(packed: readonly unknown[] | undefined): readonly unknown[] | undefined {
  return packed?.map((each) => (each instanceof Uint8Array ? [...each] : Array.isArray(each) ? [...each] : each));
}
