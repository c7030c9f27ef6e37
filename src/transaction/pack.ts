/**
 * A transaction as a positional array of MessagePack values, and back. Timers travel as absolute start times in cluster
 * time, so the node that takes over computes from its own clock what is still to come (`resume` in machine.ts).
 */
import assert from 'node:assert';
import type { Flow } from '../outside.ts';
import { ClientTransaction, ServerTransaction } from './machine.ts';
import type { Transaction } from './machine.ts';
import type { Kind, State } from './table.ts';
import { isRepeatTimer } from './timers.ts';
import type { RepeatTimer, TimerName } from './timers.ts';

/** Raise it when the positions change meaning; nodes read their own and the version before. */
export const packedSchema = 1;

/** Packed as positions in these lists: only ever append. */
const kinds: readonly Kind[] = ['invite-client', 'invite-server', 'client', 'server'];
const states: readonly State[] = [
  'calling',
  'trying',
  'proceeding',
  'accepted',
  'completed',
  'confirmed',
  'terminated',
];
const timers: readonly (TimerName | '')[] = ['', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M'];

/** [schema, kind, state, key, flow, sent, repeat, its start, its slots used, at cap, timeout, its start]. */
export function pack(tx: Transaction): unknown[] {
  const { protocol, listener, address, port, connection } = tx.flow;
  return [
    packedSchema,
    kinds.indexOf(tx.table.kind),
    states.indexOf(tx.state),
    tx.key,
    [protocol, listener, address, port, connection],
    tx.sent,
    timers.indexOf(tx.repeat),
    tx.repeatStartedAtMs,
    tx.repeatSlot,
    tx.repeatAtCap,
    timers.indexOf(tx.timeout),
    tx.timeoutStartedAtMs,
  ];
}

/** The transaction of `pack`; call `resume` to start its timers. Throws on anything else: a snapshot is our own writing. */
export function unpack(packed: readonly unknown[]): ClientTransaction | ServerTransaction {
  assert(packed[0] === packedSchema, 'unknown schema of a packed transaction');
  const kind = kinds[number(packed[1])];
  const state = states[number(packed[2])];
  const repeat = timers[number(packed[6])];
  const timeout = timers[number(packed[10])];
  const key = packed[3];
  const sent = packed[5];
  assert(
    kind !== undefined && state !== undefined && typeof key === 'string' && sent instanceof Uint8Array,
    'broken packed transaction',
  );
  assert(
    repeat !== undefined && timeout !== undefined && (repeat === '' || isRepeatTimer(repeat)),
    'broken packed timers',
  );
  const flow = unpackFlow(packed[4]);
  const tx =
    kind === 'client' || kind === 'invite-client'
      ? new ClientTransaction(kind, key, flow)
      : new ServerTransaction(kind, key, flow);
  tx.state = state;
  tx.sent = sent;
  tx.repeat = repeat satisfies RepeatTimer | '';
  tx.repeatStartedAtMs = number(packed[7]);
  tx.repeatSlot = number(packed[8]);
  tx.repeatAtCap = packed[9] === true;
  tx.timeout = timeout;
  tx.timeoutStartedAtMs = number(packed[11]);
  return tx;
}

function unpackFlow(packed: unknown): Flow {
  assert(Array.isArray(packed), 'broken packed flow');
  const [protocol, listener, address, port, connection] = packed as readonly unknown[];
  assert(protocol === 'udp' || protocol === 'tcp', 'broken packed flow');
  assert(typeof address === 'string' && typeof connection === 'string', 'broken packed flow');
  return { protocol, listener: number(listener), address, port: number(port), connection };
}

function number(value: unknown): number {
  assert(typeof value === 'number', 'a number expected in a packed transaction');
  return value;
}
