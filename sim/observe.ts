/** What the world tells its checkers and its report, as it happens. Nothing of it flows back into the world. */
import type { Envelope } from '../actors/envelope.ts';
import type { PeerFrame, ShareOrder, ShareReport } from '../cluster/control-types.ts';
import type { Target } from '../cluster/data-frame.ts';
import type { Table } from '../cluster/table.ts';
import type { LogLevel, Flow } from '../src/outside.ts';
import type { Handled, Handling } from './lens.ts';
import type { Endpoint } from './network.ts';
import type { SimNode } from './node.ts';
import type { Fault } from './options.ts';
import type { CallRecord } from './phone/history.ts';
import type { Message } from './phone/message.ts';
import type { RegistrationRecord } from './phone/history.ts';

/** A node as those see it who only know packets. */
export interface NamedNode {
  readonly id: string;
}

/** @typeParam Node what is known of a node besides its name: nothing, where it is a process of its own. */
export interface Observer<Node extends NamedNode = SimNode> {
  /** A control has taken a step. */
  stepped?(node: SimNode): void;
  /** The main thread tells a worker what to hold. */
  ordered?(node: SimNode, order: ShareOrder): void;
  /** A worker told the main thread. */
  reported?(node: SimNode, report: ShareReport): void;
  /** A frame of another node's control has come. */
  peerFrame?(node: SimNode, from: string, frame: PeerFrame, incarnation: number): void;
  /** An item goes from the main thread of a node to one of its workers or to another node (`to`, '' for a worker). */
  routed?(node: SimNode, to: string, target: Target): void;
  /** A worker hands an item to its main thread, because its partition is not here. */
  leftWorker?(node: SimNode, worker: number, target: Target, payload: Uint8Array): void;
  /** A worker has got an item from its main thread. */
  cameToWorker?(node: SimNode, worker: number, target: Target, payload: Uint8Array): void;
  /** A worker is about to give an item to the partition that it is for. */
  delivering?(): void;
  /** A worker gave an item to the partition that it is for, if that is here (`taken`). */
  delivered?(node: SimNode, worker: number, partition: number, envelope: Envelope, taken: boolean): void;
  /** A worker is about to do what its main thread told it, and has done it. */
  obeying?(node: SimNode, worker: number, order: ShareOrder): void;
  obeyed?(node: SimNode, worker: number, order: ShareOrder): void;
  /** An actor is about to handle an input. What it returns is called with what the actor wanted, when it has. */
  handling?(handling: Handling): ((handled: Handled) => void) | undefined;
  tableAdopted?(node: SimNode, table: Table): void;
  noted?(node: string, level: LogLevel, event: string, fields: Readonly<Record<string, unknown>>): void;
  counted?(node: string, metric: string): void;
  /** A node has sent a datagram. `message` is as an independent reader reads it; a text says what is wrong with it. */
  nodeSent?(node: Node, worker: number, flow: Flow, message: Message | string, bytes: Buffer): void;
  /** A worker has read a datagram from its socket. */
  nodeReceived?(node: SimNode, worker: number, message: Message | string, bytes: Buffer, from: Endpoint): void;
  /** An item has come to the main thread of a node from another one. */
  arrived?(node: SimNode, peer: string, target: Target, payload: Uint8Array): void;
  /** A node gives an item to another one; it tries again later where the link does not take it. */
  forwarded?(node: SimNode, peer: string, target: Target, payload: Uint8Array, isTaken: boolean): void;
  phoneSent?(phone: string, message: Message): void;
  phoneReceived?(phone: string, message: Message | string, bytes: Buffer): void;
  crashed?(node: string, name: string, error: unknown): void;
  callEvent?(call: CallRecord, what: string): void;
  registration?(record: RegistrationRecord): void;
  phase?(phase: 'healed' | 'quiet' | 'end'): void;
  fault?(fault: Fault): void;
}

type Hook = keyof Observer;

/** Of each event of a world, who wants to hear of it: nobody else is asked, and nobody is looked for in an observer. */
export type Audience = { readonly [Each in Hook]-?: readonly NonNullable<Observer[Each]>[] };

const hooks: Readonly<Record<Hook, true>> = {
  stepped: true,
  ordered: true,
  reported: true,
  peerFrame: true,
  routed: true,
  leftWorker: true,
  cameToWorker: true,
  delivering: true,
  delivered: true,
  obeying: true,
  obeyed: true,
  handling: true,
  tableAdopted: true,
  noted: true,
  counted: true,
  nodeSent: true,
  nodeReceived: true,
  forwarded: true,
  arrived: true,
  phoneSent: true,
  phoneReceived: true,
  crashed: true,
  callEvent: true,
  registration: true,
  phase: true,
  fault: true,
};

export function audienceOf(observers: readonly Observer[]): Audience {
  const of = (hook: Hook): readonly Observer[Hook][] => observers.flatMap((each) => each[hook] ?? []);
  return Object.fromEntries(Object.keys(hooks).map((hook) => [hook, of(hook as Hook)])) as unknown as Audience;
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
