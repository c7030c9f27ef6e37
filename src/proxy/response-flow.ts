/** Where a response goes (RFC 3261 18.2.2, RFC 3581 4) and what the top Via says about it. */
import type { Flow } from '../outside.ts';
import type { SipMessage } from '../sip/message.ts';

/**
 * Always to the address that the request came from, never to one that a Via merely names: over UDP to the port of the
 * packet when `rport` asks for it, else to the port of sent-by; over streams on the same connection.
 */
export function responseFlow(request: SipMessage, flow: Flow): Flow {
  if (flow.protocol !== 'udp') return flow;
  const via = request.topVia;
  if (via.rport !== undefined) return flow;
  const port = via.port === 0 ? 5060 : via.port;
  return port === flow.port
    ? flow
    : { protocol: 'udp', listener: flow.listener, address: flow.address, port, connection: flow.connection };
}

/**
 * RFC 3261 18.2.2: when the connection of a request is gone, its response goes over a new one to the port of sent-by. The
 * address is still the one that the request came from.
 */
export function sentByFlow(request: SipMessage, flow: Flow): Flow {
  const { port } = request.topVia;
  const { protocol, listener, address } = flow;
  return { protocol, listener, address, port: port === 0 ? 5060 : port, connection: '' };
}

/** RFC 3261 16.7 step 3: whether anybody is left to forward a response to, once our own Via is taken off. */
export function hasViaBelow({ viaCount }: SipMessage): boolean {
  return viaCount > 1;
}

/** RFC 3261 18.2.1: `received` is added when sent-by is not the source address; RFC 3581: always when `rport` is there. */
export function needsMark(request: SipMessage, flow: Flow): boolean {
  const via = request.topVia;
  return via.rport !== undefined || via.received !== undefined || unbracketed(via.host) !== flow.address;
}

export function receivedMark(request: SipMessage, flow: Flow): { received?: { address: string; port: number } } {
  return needsMark(request, flow) ? { received: { address: flow.address, port: flow.port } } : noMark;
}

const noMark = {};

function unbracketed(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host;
}
