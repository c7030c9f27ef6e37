/** One side of a dialog (RFC 3261 12): makes the requests inside of it and answers those of the other side. */
import type { Endpoint } from '../network.ts';
import type { CallRecord, DialogRequest } from './history.ts';
import { ClientTransaction } from './client.ts';
import { hostPortOf, linesOf, uriOf, valueOf, valuesOf, writeText } from './message.ts';
import type { Message } from './message.ts';
import type { Phone } from './phone.ts';

export class Dialog {
  readonly phone: Phone;
  readonly call: CallRecord;
  readonly side: 'caller' | 'callee';
  readonly localTag: string;
  readonly remoteTag: string;
  readonly #target: string;
  /** What every request of it has: Route, From, To and Call-ID. */
  readonly #lines: string;
  /** Where the first of the route, or the target, is. */
  readonly #destination: Endpoint;
  #cseq: number;
  #remoteCseq: number;
  ended = false;
  #acks = 0;

  /** @param message the 2xx that the caller got, or the INVITE that the callee got. */
  constructor(phone: Phone, call: CallRecord, side: 'caller' | 'callee', message: Message, ownTag: string) {
    this.phone = phone;
    this.call = call;
    this.side = side;
    const from = valueOf(message, 'from')!;
    const to = valueOf(message, 'to')!;
    const way = valuesOf(message.headers, 'record-route');
    const isCaller = side === 'caller';
    const route = isCaller ? way.toReversed() : way;
    if (isCaller) {
      this.localTag = message.fromTag;
      this.remoteTag = message.toTag;
      this.#cseq = message.cseq;
      this.#remoteCseq = 0;
    } else {
      this.localTag = ownTag;
      this.remoteTag = message.fromTag;
      this.#cseq = 0;
      this.#remoteCseq = message.cseq;
    }
    this.#lines = linesOf([
      ...route.map((value) => ['Route', value] as const),
      ['From', isCaller ? from : `${to};tag=${ownTag}`],
      ['To', isCaller ? to : from],
      ['Call-ID', call.plan.callId],
    ]);
    this.#target = uriOf(valueOf(message, 'contact') ?? '');
    this.#destination = hostPortOf(route.length > 0 ? uriOf(route[0]!) : this.#target);
  }

  /** Of an ACK to a 2xx: the same number as its INVITE, no transaction. */
  ack(cseq: number): void {
    if (this.phone.habits.forgetsAck && this.#acks++ === 0) return;
    this.phone.sendTo(this.#destination, this.#request('ACK', cseq, this.phone.newBranch()));
  }

  request(method: 'BYE' | 'OPTIONS' | 'INVITE' | 'INFO', done?: (status: number) => void): void {
    const record: DialogRequest = {
      tag: this.side === 'caller' ? this.remoteTag : this.localTag,
      by: this.side,
      method,
      sentAtMs: this.phone.world.kernel.nowMs,
      status: 0,
      endedAtMs: 0,
      timedOut: false,
    };
    this.call.requests.push(record);
    const cseq = ++this.#cseq;
    const branch = this.phone.newBranch();
    const settle = (status: number, timedOut: boolean): void => {
      if (record.status >= 200) return;
      record.status = status;
      record.timedOut = timedOut;
      record.endedAtMs = this.phone.world.kernel.nowMs;
      this.phone.world.tellCall(this.call, `${this.side} ${method} ${status}${timedOut ? ' (gave up)' : ''}`);
      done?.(status);
    };
    const transaction = new ClientTransaction(
      this.#request(method, cseq, branch),
      method === 'INVITE',
      this.phone.clientPorts(this.#destination),
      (response) => {
        if (response.status < 200) return;
        if (method === 'INVITE') {
          if (response.status < 300) this.ack(cseq);
          else this.phone.sendTo(this.#destination, this.#request('ACK', cseq, branch));
        }
        settle(response.status, false);
      },
      () => settle(408, true),
    );
    this.phone.begin(branch, method, transaction);
  }

  bye(): void {
    if (this.ended) return;
    this.ended = true;
    this.request('BYE');
  }

  /** Whether this request of the other side is new in order (12.2.2). */
  takes(cseq: number): boolean {
    if (cseq <= this.#remoteCseq) return false;
    this.#remoteCseq = cseq;
    return true;
  }

  #request(method: string, cseq: number, branch: string): Buffer {
    const contact = method === 'INVITE' ? `Contact: ${this.phone.contact}\r\n` : '';
    return writeText(
      `${method} ${this.#target} SIP/2.0\r\nVia: ${this.phone.via(branch)}\r\nMax-Forwards: 70\r\n` +
        `${this.#lines}CSeq: ${cseq} ${method}\r\n${contact}`,
    );
  }
}
