/**
 * A small world for one transaction: scripted inputs, a clock that jumps from timer to timer, and the whole of what happened
 * as lines `<time> <what>`. It runs any table, so that the properties can be shown broken ones (mistakes.test.ts).
 */
import assert from 'node:assert';
import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import type { Flow } from '../../src/outside.ts';
import { Transaction, apply, begin, resume } from '../../src/transaction/machine.ts';
import type { Sink } from '../../src/transaction/machine.ts';
import { pack, unpack } from '../../src/transaction/pack.ts';
import type { Event, Failure, Kind, State, Table } from '../../src/transaction/table.ts';
import type { TimerName } from '../../src/transaction/timers.ts';

/** What comes from outside: the network, the TU, the transport layer. Timers come from the machine itself. */
export type External = Exclude<Event, TimerName>;

export interface Input {
  readonly atMs: number;
  readonly event: External;
  /** 1, 2, 3...: which message; the client's own request is 0. */
  readonly id: number;
}

/** One thing that happened. `what` is an effect with the number of the message, `unexpected <event>`, or `end`. */
export interface Happening {
  readonly atMs: number;
  readonly what: string;
}

export interface Run {
  readonly reliable: boolean;
  readonly inputs: readonly Input[];
  readonly happenings: readonly Happening[];
  /** Every timer that was started, in order. */
  readonly started: readonly TimerName[];
  /** Timers still running in the end. */
  readonly running: readonly TimerName[];
  readonly terminated: boolean;
  /** The name of the state after the input with this number; 0 = after the beginning. */
  readonly stateAfter: readonly State[];
}

export const flowOf = (reliable: boolean): Flow => ({
  protocol: reliable ? 'tcp' : 'udp',
  listener: 0,
  address: '192.0.2.1',
  port: 5060,
  connection: reliable ? 'n1/0/1' : '',
});

/** A transaction over any table, also a broken one. */
export class Trial extends Transaction {}

const externalOf: Readonly<Record<Kind, readonly External[]>> = {
  'invite-client': ['1xx', '2xx', '3xx-6xx', 'transport-error'],
  'client': ['1xx', '2xx', '3xx-6xx', 'transport-error'],
  'invite-server': ['INVITE', 'ACK', '1xx', '2xx', '3xx-6xx', 'transport-error'],
  'server': ['request', '1xx', '2xx', '3xx-6xx', 'transport-error'],
};
export const externalEvents = (table: Table): readonly External[] => externalOf[table.kind];

/** More than any run of eight inputs can need: a table that loops is stopped here. */
const firingsMax = 500;

export interface Options {
  /** Snapshot, forget, and resume on "another node" after the inputs with these numbers. */
  readonly moveAfter?: readonly number[];
}

export function runTable(table: Table, reliable: boolean, inputs: readonly Input[], options: Options = {}): Run {
  const happenings: Happening[] = [];
  const started: TimerName[] = [];
  const timers = new Map<TimerName, number>();
  let nowMs = 0;
  let id = 0;
  let tx: Transaction = new Trial(table, 'key', flowOf(reliable));
  let ended = false;
  const stateAfter: State[] = [];
  const note = (what: string): void => void happenings.push({ atMs: nowMs, what });
  const sink: Sink = {
    send: (t) => note(`send ${t.sent[0] ?? -1}`),
    resend: (t) => note(`resend ${t.sent[0] ?? -1}`),
    pass: () => note(`pass ${id}`),
    ack: () => note(`ack ${id}`),
    timer: (_, name, atMs) => {
      timers.set(name, atMs);
      started.push(name);
    },
    clearTimer: (_, name) => void timers.delete(name),
    tell: (_, what: Failure) => note(`tell ${what}`),
  };
  const feed = (event: Event, bytes?: Uint8Array): void => {
    if (apply(tx, event, nowMs, sink, bytes) === undefined) note(`unexpected ${event}`);
    noteEnd();
  };
  const noteEnd = (): void => {
    if (tx.terminated && !ended) note('end');
    ended = tx.terminated;
  };
  const fireUntil = (limitMs: number): void => {
    for (let firings = 0; ; firings += 1) {
      assert(firings < firingsMax, 'the machine does not come to rest');
      let due: TimerName | undefined;
      for (const [name, atMs] of timers)
        if (atMs <= limitMs && (due === undefined || atMs < (timers.get(due) ?? 0))) due = name;
      if (due === undefined) return;
      nowMs = timers.get(due) ?? nowMs;
      timers.delete(due);
      feed(due);
    }
  };
  begin(tx, nowMs, sink, Uint8Array.of(0));
  noteEnd();
  stateAfter.push(tx.state);
  for (const input of inputs) {
    fireUntil(input.atMs);
    nowMs = input.atMs;
    id = input.id;
    feed(input.event, Uint8Array.of(id));
    stateAfter.push(tx.state);
    if (options.moveAfter?.includes(id) === true) {
      timers.clear();
      tx = unpack(decode(encode(pack(tx))) as unknown[]);
      resume(tx, nowMs, sink);
    }
  }
  fireUntil(Number.MAX_SAFE_INTEGER);
  return { reliable, inputs, happenings, started, running: [...timers.keys()], terminated: tx.terminated, stateAfter };
}

/**
 * Scripts of up to eight inputs. Gaps are short (inside the first intervals), middling (up to T4) or long (past every
 * timeout). Each input's time has its own binary fraction of a millisecond, so no input ties with a timer of another.
 */
export function scripts(table: Table): fc.Arbitrary<Input[]> {
  const gapMs = fc.oneof(
    fc.integer({ min: 1, max: 900 }),
    fc.integer({ min: 1, max: 9_000 }),
    fc.integer({ min: 1, max: 40_000 }),
  );
  return fc.array(fc.tuple(gapMs, fc.constantFrom(...externalEvents(table))), { maxLength: 8 }).map((steps) => {
    let atMs = 0;
    return steps.map(([gap, event], index) => {
      atMs += gap;
      return { atMs: atMs + (index + 1) / 128, event, id: index + 1 };
    });
  });
}

/** A sentence about a run; throws when the run breaks it. */
export type Property = (run: Run) => void;

/** Shows the property `count` random runs of the table on both kinds of transport. */
export function check(table: Table, property: Property, count = 400): void {
  fc.assert(
    fc.property(fc.boolean(), scripts(table), (reliable, inputs) => property(runTable(table, reliable, inputs))),
    { numRuns: count },
  );
}
