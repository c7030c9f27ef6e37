/**
 * The state of one call: all that carries the same Call-ID. Its server transactions each with a response context
 * (RFC 3261 16.2), their branches with client transactions, and its dialogs. One entity, one mailbox: no lock, no race.
 */
import assert from 'node:assert';
import type { Buffer } from 'node:buffer';
import type { Flow } from '../../src/outside.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import type { ClientTransaction, ServerTransaction, Transaction } from '../../src/transaction/machine.ts';
import type { RoutePlan } from '../../src/proxy/route-set.ts';
import type { Question } from '../../src/routing/api.ts';
import type { ServiceRun } from '../../src/routing/run.ts';
import { Dialogs } from './dialogs.ts';
import { noHolds } from './holds.ts';
import type { Hold } from './holds.ts';
import { Owners } from './owners.ts';
import { readAgain } from './read-again.ts';
import type { LostWay } from './way.ts';

export interface CallState {
  readonly callId: string;
  dialogs: Dialogs;
  /** Places under the names of counters. */
  holds: readonly Hold[];
  /** Response contexts by number. */
  readonly contexts: Map<number, Context>;
  readonly owners: Owners;
  nextContext: number;
  /** What our Record-Route of this call carries, '' until it is needed (Act.proof). Not packed: it follows from the Call-ID. */
  proof: string;
  /** Something was let out that a new owner must know: the call has a snapshot. */
  saved: boolean;
  /** Connections that lead nowhere any more, or are in doubt (way.ts). Not packed: a new owner finds that out itself. */
  lost: readonly LostWay[];
  /** Timer W runs: it looks after what was sent over connections. Not packed. */
  isWatched: boolean;
}

export function newCall(callId: string): CallState {
  return {
    callId,
    dialogs: new Dialogs(),
    holds: noHolds,
    contexts: new Map(),
    owners: new Owners(),
    nextContext: 1,
    proof: '',
    saved: false,
    lost: none,
    isWatched: false,
  };
}

/**
 * A request being answered or proxied. Answered, it stays for half a minute for what may be repeated: then only its octets
 * are kept, and read again by the few that ask. A parsed message is ten times as much for the collector to carry.
 */
export class Context {
  readonly id: number;
  readonly method: string;
  /** Where it came from, as received. */
  readonly flow: Flow;
  readonly server: ServerTransaction;
  /** Routing is going on: the service and the question it waits for. */
  run: ServiceRun | undefined = undefined;
  askId = 0;
  asked: Question['ask'] | '' = '';
  /** The address-of-record or counter that was asked last. */
  askedOf = '';
  /** Of a window that was asked last, milliseconds. */
  askedPerMs = 0;
  /** Address-of-record that the credentials name; nothing is proven by that. */
  claimed = '';
  /** Address-of-record that the credentials proved; '' when none. */
  user = '';
  /** The challenges to send when the service wants one: from whoever checked the credentials, undefined when nobody did. */
  challenges: readonly string[] | undefined = undefined;
  branches: readonly Branch[] = none;
  /** A CANCEL came (9.2), or we gave up waiting for an answer. */
  cancelled: '' | 'caller' | 'no-answer' = '';
  /** Status of the final response that went upstream, 0 before. */
  finalStatus = 0;
  /** To tags of the 2xx that went upstream: a repeated one makes no dialog again that a BYE has ended meanwhile. */
  answeredBy: readonly string[] = none;
  /** Cluster time when an unanswered INVITE is given up; 0 for other methods. */
  noAnswerAtMs = 0;
  /** A snapshot has it as not answered yet: whoever takes that up long afterwards would answer it again. Not packed. */
  keptPending = false;
  /** Of the request, as received. */
  readonly octets: Buffer;
  #request: SipMessage | undefined;
  #plan: RoutePlan | undefined;

  constructor(id: number, request: SipMessage, flow: Flow, server: ServerTransaction, plan: RoutePlan) {
    this.id = id;
    this.method = request.method;
    this.flow = flow;
    this.server = server;
    this.octets = request.bytes;
    this.#request = request;
    this.#plan = plan;
  }

  get request(): SipMessage {
    if (this.#request !== undefined) return this.#request;
    const again = readAgain(this.octets);
    assert(again !== undefined, 'a request that was read once can be read again');
    return again;
  }

  /** Only for who decides where the request goes. */
  get plan(): RoutePlan {
    assert(this.#plan !== undefined, 'no routing of a request that was answered');
    return this.#plan;
  }

  /** Everybody has answered: nothing will be routed or answered any more. */
  get isOver(): boolean {
    if (this.finalStatus === 0) return false;
    for (let index = 0; index < this.branches.length; index++)
      if (this.branches[index]!.finalStatus === 0) return false;
    return true;
  }

  get isAtRest(): boolean {
    return this.#request === undefined;
  }

  /** Lets go of what can be had again. */
  rest(): void {
    this.#request = undefined;
    this.#plan = undefined;
  }
}

const none: readonly never[] = [];

export interface Branch {
  readonly context: Context;
  readonly index: number;
  readonly tx: ClientTransaction;
  /** The address-of-record that knows the way to this phone, '' when none does. */
  readonly account: string;
  /** A provisional response came: it may be cancelled (9.1). */
  provisional: boolean;
  /** To be cancelled as soon as a provisional response allows it. */
  cancelWanted: boolean;
  /** Value of the Reason header of that CANCEL (RFC 3326), '' for none. */
  cancelReason: string;
  cancel: ClientTransaction | undefined;
  /** When that was sent, cluster time; 0 before. */
  cancelAtMs: number;
  /** Final status, 0 before; `final` is the response, undefined when it is our own verdict (408, 503). */
  finalStatus: number;
  final: SipMessage | undefined;
  /** Timer C (16.6 step 11), cluster time; 0 when not running. */
  timerCAtMs: number;
}

export interface Owner {
  readonly tx: Transaction;
  readonly context: Context;
  readonly branch: Branch | undefined;
}
