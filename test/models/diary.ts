/** The entity of handover.ts: it writes down what it was told, says so, and has a timer that fires once. */
import assert from 'node:assert/strict';
import type { Behaviour, Input, Turn } from '../../actors/entity.ts';
import type { Envelope } from '../../actors/envelope.ts';
import type { Row } from '../../actors/ports.ts';
import { decodeRow, unpackState } from '../../actors/snapshot.ts';
import type { Flow } from '../../src/outside.ts';

const flow: Flow = { protocol: 'udp', listener: 0, address: '192.0.2.1', port: 5060, connection: '' };

/** What a sender tells an entity: the how-manieth this is of them, and what the entity is to do with it. */
export type Word = readonly [sender: string, serial: number, gated: boolean, afterMs: number];

export interface Diary {
  readonly entries: string[];
  dueMs: number;
  rung: number;
}

/** What it says to the outside. */
export interface Said {
  readonly key: string;
  readonly entry: string;
  readonly gated: boolean;
}

export const diary: Behaviour<Diary> = {
  create: () => ({ entries: [], dueMs: 0, rung: 0 }),
  unpack(_key, packed, turn) {
    const [, entries, dueMs, rung] = packed as [number, string[], number, number];
    if (dueMs > 0) turn.timer('due', dueMs);
    return { entries: [...entries], dueMs, rung };
  },
  pack: ({ entries, dueMs, rung }) => [1, [...entries], dueMs, rung],
  receive(state, input: Input, turn: Turn) {
    if (input.type === 'timer') {
      assert(turn.nowMs >= state.dueMs, 'fired early');
      state.rung++;
      state.dueMs = 0;
      return turn.save('store');
    }
    assert(input.type === 'tell');
    const [sender, serial, gated, afterMs] = input.body as Word;
    const entry = `${sender}${serial}`;
    state.entries.push(entry);
    if (afterMs > 0) turn.timer('due', (state.dueMs = turn.nowMs + afterMs));
    turn.save(gated ? 'store' : 'none');
    const { key } = (input as unknown as Envelope).to;
    turn.send(flow, Buffer.from(JSON.stringify({ key, entry, gated } satisfies Said)));
  },
  isIdle: () => false,
  describe: ({ entries }) => entries.join(' '),
  view: ({ entries, dueMs, rung }) => ({ entries: [...entries], dueMs, rung }),
};

/** What a row of the store says of it. */
export function entriesOf([id, value]: Row): Diary {
  if (value === null) return { entries: [], dueMs: 0, rung: 0 };
  const packed = unpackState(decodeRow(id, value)!.snapshot.packed);
  const [, entries, dueMs, rung] = packed as [number, string[], number, number];
  return { entries, dueMs, rung };
}
