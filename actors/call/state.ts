/**
 * The state of one call: all that carries the same Call-ID. Its server transactions each with a response context
 * (RFC 3261 16.2), their branches with client transactions, and its dialogs. One entity, one mailbox: no lock, no race.
 */
import type { Flow } from '../../src/outside.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import type { ClientTransaction, ServerTransaction, Transaction } from '../../src/transaction/machine.ts';
import type { RoutePlan } from '../../src/proxy/route-set.ts';
import type { ServiceRun } from '../../src/routing/run.ts';
import type { Dialogs } from './dialogs.ts';

export interface CallState {
  readonly callId: string;
  dialogs: Dialogs;
  /** Response contexts by number. */
  readonly contexts: Map<number, Context>;
  /** Whose transaction is it? By the keys of src/transaction/key.ts, which are different for servers and clients. */
  readonly owners: Map<string, Owner>;
  nextContext: number;
  /** What our Record-Route of this call carries, '' until it is needed (Act.proof). Not packed: it follows from the Call-ID. */
  proof: string;
  /** Something was let out that a new owner must know: the call has a snapshot. */
  saved: boolean;
}

/** A request being answered or proxied. */
export interface Context {
  readonly id: number;
  readonly request: SipMessage;
  /** Where it came from, as received. */
  readonly flow: Flow;
  readonly server: ServerTransaction;
  readonly plan: RoutePlan;
  /** Routing is going on: the service and the question it waits for. */
  run: ServiceRun | undefined;
  askId: number;
  asked: 'authenticate' | 'locate' | '';
  /** Address-of-record that the credentials name; nothing is proven by that. */
  claimed: string;
  /** Address-of-record that the credentials proved; '' when none. */
  user: string;
  /** The challenges to send when the service wants one: from whoever checked the credentials, undefined when nobody did. */
  challenges: readonly string[] | undefined;
  readonly branches: Branch[];
  /** A CANCEL came (9.2), or we gave up waiting for an answer. */
  cancelled: '' | 'caller' | 'no-answer';
  /** Status of the final response that went upstream, 0 before. */
  finalStatus: number;
  /** To tags of the 2xx that went upstream: a repeated one makes no dialog again that a BYE has ended meanwhile. */
  readonly answeredBy: string[];
  /** Cluster time when an unanswered INVITE is given up; 0 for other methods. */
  noAnswerAtMs: number;
  /** A snapshot has it as not answered yet: whoever takes that up long afterwards would answer it again. Not packed. */
  keptPending: boolean;
}

export interface Branch {
  readonly context: Context;
  readonly index: number;
  readonly tx: ClientTransaction;
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
