/**
 * Where packets come in, whatever the socket: parse, answer at once what needs no state, and hand everything else to the
 * partition of its key. Any node takes any packet; the key alone decides who handles it.
 */
import { admit } from '../src/proxy/admission.ts';
import { branchPrefix } from '../src/proxy/identifiers.ts';
import type { Identifiers } from '../src/proxy/identifiers.ts';
import { receivedMark, responseFlow } from '../src/proxy/response-flow.ts';
import type { Self } from '../src/proxy/self.ts';
import type { Flow, LogLevel } from '../src/outside.ts';
import { failureResponse, response } from '../src/sip/build.ts';
import type { ParseFailure } from '../src/sip/failure.ts';
import { HeaderId } from '../src/sip/header/names.ts';
import type { SipMessage } from '../src/sip/message.ts';
import { isFailure, parse } from '../src/sip/parse.ts';
import { aorOf } from '../src/sip/uri.ts';
import type { Address } from './entity.ts';
import type { Envelope } from './envelope.ts';

export interface EdgePorts {
  partitionOf(key: string): number;
  deliver(partition: number, envelope: Envelope): void;
  send(flow: Flow, bytes: Uint8Array): void;
  note(level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>): void;
  count(metric: string): void;
}

export class Edge {
  readonly #self: Self;
  readonly #identifiers: Identifiers;
  readonly #ports: EdgePorts;

  constructor(self: Self, identifiers: Identifiers, ports: EdgePorts) {
    this.#self = self;
    this.#identifiers = identifiers;
    this.#ports = ports;
  }

  /** One datagram, or one message that the framing cut out of a stream. Takes the buffer over. */
  receive(bytes: Buffer, flow: Flow): void {
    this.#ports.count('received');
    const message = parse(bytes, flow.protocol !== 'udp');
    if (isFailure(message)) this.refuse(message, flow);
    else if (message.isRequest) this.#request(message, flow);
    else this.#response(message, flow);
  }

  /** What could not be parsed is answered as its RFC asks, to where it came from, or dropped and counted. */
  refuse(failure: ParseFailure, flow: Flow): void {
    this.#ports.count('malformed');
    this.#ports.note('info', 'malformed', {
      src: `${flow.address}:${flow.port}`,
      tp: flow.protocol,
      reason: failure.reason,
      status: failure.status,
    });
    if (failure.status === 0) return;
    const answer = failureResponse(failure, { address: flow.address, port: flow.port });
    if (answer !== undefined) this.#ports.send(flow, answer);
  }

  #response(message: SipMessage, flow: Flow): void {
    // RFC 3261 18.1.2: the top Via must be ours, or the response was never meant for us.
    if (!message.topVia.branch.startsWith(branchPrefix)) return this.#ports.count('stray-response');
    this.#deliver({ kind: 'call', key: message.callId }, message, flow);
  }

  #request(message: SipMessage, flow: Flow): void {
    if (message.method === 'ACK') return this.#deliver({ kind: 'call', key: message.callId }, message, flow);
    const answer = admit(message, this.#self);
    if (answer === undefined) return this.#deliver(addressOf(message), message, flow);
    this.#ports.count('answered-stateless');
    this.reject(message, flow, answer.status, answer.headers, answer.reason);
  }

  /** An answer without any state (8.2.7); a repeated request gets the same one. Nothing for ACK and responses. */
  reject(
    message: SipMessage,
    flow: Flow,
    status: number,
    headers: readonly (readonly [string, string])[] = [],
    reason?: string,
  ): void {
    if (!message.isRequest || message.method === 'ACK') return;
    const partition = this.#ports.partitionOf(message.callId);
    const bytes = response(message, status, {
      ...(reason === undefined ? {} : { reason }),
      headers,
      toTag: this.#identifiers.tag(
        partition,
        `${message.callId}\0${message.fromTag}\0${message.header(HeaderId.Via) ?? ''}`,
      ),
      ...receivedMark(message, flow),
    });
    this.#ports.send(responseFlow(message, flow), bytes);
  }

  #deliver(to: Address, message: SipMessage, flow: Flow): void {
    this.#ports.deliver(this.#ports.partitionOf(to.key), { to, type: 'sip', message, flow });
  }
}

/** A registration belongs to its address-of-record, everything else to its call. */
function addressOf(message: SipMessage): Address {
  if (message.method !== 'REGISTER') return { kind: 'call', key: message.callId };
  const to = message.toUri;
  return { kind: 'aor', key: to === undefined ? message.to.uri : aorOf(to) };
}
