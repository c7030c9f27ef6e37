/** What the world tells its checkers and its report, as it happens. Nothing of it flows back into the world. */
import type { ShareOrder } from '../cluster/control-types.ts';
import type { Table } from '../cluster/table.ts';
import type { LogLevel, Flow } from '../src/outside.ts';
import type { SimNode } from './node.ts';
import type { Fault } from './options.ts';
import type { CallRecord } from './phone/history.ts';
import type { Message } from './phone/message.ts';
import type { RegistrationRecord } from './phone/history.ts';

export interface Observer {
  /** A control has taken a step. */
  stepped?(node: SimNode): void;
  /** The main thread tells a worker what to hold. */
  ordered?(node: SimNode, order: ShareOrder): void;
  tableAdopted?(node: SimNode, table: Table): void;
  noted?(node: string, level: LogLevel, event: string, fields: Readonly<Record<string, unknown>>): void;
  counted?(node: string, metric: string): void;
  /** A node has sent a datagram. `message` is as an independent reader reads it; a text says what is wrong with it. */
  nodeSent?(node: SimNode, worker: number, flow: Flow, message: Message | string, bytes: Buffer): void;
  /** A worker has read a datagram from its socket. */
  nodeReceived?(node: SimNode, worker: number, message: Message | string): void;
  phoneSent?(phone: string, message: Message): void;
  phoneReceived?(phone: string, message: Message | string, bytes: Buffer): void;
  crashed?(node: string, name: string, error: unknown): void;
  callEvent?(call: CallRecord, what: string): void;
  registration?(record: RegistrationRecord): void;
  phase?(phase: 'healed' | 'quiet' | 'end'): void;
  fault?(fault: Fault): void;
}

/** An invariant does not hold. */
export class Violation extends Error {
  readonly checker: string;
  readonly invariant: number;
  /** Of the call it is about, for the ladder. */
  readonly callId: string;

  constructor(checker: string, invariant: number, message: string, callId = '') {
    super(message);
    this.checker = checker;
    this.invariant = invariant;
    this.callId = callId;
  }
}
