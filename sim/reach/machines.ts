/**
 * The matrix of states and events of the four transaction machines: which cells of their tables a world has been through.
 * What the core hands to a server transaction is seen at the next input of its call.
 */
import { keyOf } from '../../actors/call/way.ts';
import type { CallState } from '../../actors/call/state.ts';
import type { AorState } from '../../actors/aor/state.ts';
import { eventOf } from '../../src/transaction/event.ts';
import { clientKeyOf, serverKey } from '../../src/transaction/key.ts';
import type { Transaction } from '../../src/transaction/machine.ts';
import type { Event, Kind, State } from '../../src/transaction/table.ts';
import { tableOf } from '../../src/transaction/tables.ts';
import type { Handling } from '../lens.ts';

const kinds: readonly Kind[] = ['invite-client', 'invite-server', 'client', 'server'];

export function cellName(kind: Kind, state: State, event: Event): string {
  return `${kind} ${state} ${event}`;
}

/** Every rule of the tables. */
export const cells: readonly string[] = kinds.flatMap((kind) =>
  (Object.entries(tableOf(kind).states) as [State, object][]).flatMap(([state, row]) =>
    (Object.keys(row) as Event[]).map((event) => cellName(kind, state, event)),
  ),
);

/** The names are written once. */
const cellNames: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, string>>>>>> =
  Object.fromEntries(
    kinds.map((kind) => [
      kind,
      Object.fromEntries(
        (Object.entries(tableOf(kind).states) as [State, object][]).map(([state, row]) => [
          state,
          Object.fromEntries((Object.keys(row) as Event[]).map((event) => [event, cellName(kind, state, event)])),
        ]),
      ),
    ]),
  );

export class MachineCoverage {
  readonly #count: (cell: string) => void;
  readonly #open = new WeakMap<CallState, Open>();

  constructor(count: (cell: string) => void) {
    this.#count = count;
  }

  #reach(kind: Kind, state: State, event: Event): void {
    this.#count(cellNames[kind]![state]?.[event] ?? cellName(kind, state, event));
  }

  handling({ kind, state, input }: Handling): void {
    if (kind === 'limit') return;
    const call = kind === 'call' ? (state as CallState) : (state as AorState).requests;
    this.#lookAtServers(call);
    switch (input.type) {
      case 'sip': {
        const key = input.message.isRequest ? serverKey(input.message) : clientKeyOf(input.message);
        return this.#step(call, key, eventOf(input.message));
      }
      case 'timer':
        // Beside those of the machines there are C, X and N of the core.
        if (isOfMachine(input.name)) this.#step(call, input.name.slice(2), input.name.charAt(0) as Event);
        return;
      case 'undelivered':
        return this.#step(call, keyOf(input.token), 'transport-error');
      default:
        return;
    }
  }

  #step(call: CallState, key: string, event: Event): void {
    const tx = call.owners.get(key)?.tx;
    if (tx !== undefined) this.#reach(tx.table.kind, tx.state, event);
  }

  /** Those that are over do not change any more: a call may have dozens of them. */
  #lookAtServers(call: CallState): void {
    let open = this.#open.get(call);
    if (open === undefined) this.#open.set(call, (open = { next: 0, servers: [] }));
    const { servers } = open;
    if (open.next < call.nextContext) {
      for (; open.next < call.nextContext; open.next++) {
        const server = call.contexts.get(open.next)?.server;
        if (server !== undefined) servers.push({ server, sent: undefined, state: tableState(server) });
      }
    }
    let kept = 0;
    for (const each of servers) {
      this.#look(each);
      if (!isOver(each.server)) servers[kept++] = each;
    }
    servers.length = kept;
  }

  /** Has the core answered since we looked last? */
  #look(seen: Seen): void {
    const { sent, state, table } = seen.server;
    if (sent.length > 0 && seen.sent !== sent) this.#reach(table.kind, seen.state, eventOfAnswer(sent));
    seen.sent = sent;
    seen.state = state;
  }
}

/** A server transaction as it was when we looked last. */
interface Seen {
  readonly server: Transaction;
  sent: Uint8Array | undefined;
  state: State;
}

interface Open {
  /** Number of the first context that we do not know. */
  next: number;
  readonly servers: Seen[];
}

/** A letter of A, B, D to M and a space. */
function isOfMachine(timer: string): boolean {
  const letter = timer.charCodeAt(0);
  return letter >= 0x41 && letter <= 0x4d && letter !== 0x43 && timer.charCodeAt(1) === 0x20;
}

function isOver({ terminated, state }: Transaction): boolean {
  return terminated || state === 'completed' || state === 'confirmed';
}

function tableState({ table, state }: Transaction): State {
  return table.enter.to === 'stay' ? state : table.enter.to;
}

/** `SIP/2.0 200 OK`. */
function eventOfAnswer(bytes: Uint8Array): Event {
  const first = bytes[8];
  return first === 0x31 ? '1xx' : first === 0x32 ? '2xx' : '3xx-6xx';
}
