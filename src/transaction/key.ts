/**
 * Which transaction a message belongs to: RFC 3261 sections 17.1.3 and 17.2.3, as strings that are equal exactly when
 * the messages match. Keys are compared within one call, so the Call-ID is not in them where the branch is unique.
 */
import { magicCookie } from '../sip/header/via.ts';
import type { SipMessage } from '../sip/message.ts';

/** The key of the server transaction that this request creates or belongs to. An ACK has the key of its INVITE. */
export function serverKey(request: SipMessage): string {
  return keyFor(request, request.method === 'ACK' ? 'INVITE' : request.method);
}

/** The key of the server transaction that a CANCEL asks to cancel (9.2): the same, were its method INVITE. */
export function cancelTargetKey(cancel: SipMessage): string {
  return keyFor(cancel, 'INVITE');
}

/** The key of a client transaction: the branch that we put into our Via, and the method (CANCEL shares the branch). 17.1.3. */
export function clientKey(branch: string, cseqMethod: string): string {
  return `${cseqMethod} ${branch}`;
}

/** The key of the client transaction that this response belongs to. */
export function clientKeyOf(response: SipMessage): string {
  return clientKey(response.topVia.branch, response.cseqMethod);
}

/** Whether this is `clientKeyOf(response)`, which is not made for that. */
export function isClientKeyOf(key: string, { topVia, cseqMethod }: SipMessage): boolean {
  const { branch } = topVia;
  return (
    key.length === cseqMethod.length + 1 + branch.length &&
    key.charCodeAt(cseqMethod.length) === 0x20 &&
    key.endsWith(branch) &&
    key.startsWith(cseqMethod)
  );
}

/**
 * Whether an ACK with the key of an INVITE transaction is meant for it: always with the magic cookie; from RFC 2543
 * clients only when its To tag is the one of our response, which tells the ACK to another fork's answer apart (17.2.3).
 */
export function isAckFor(ack: SipMessage, toTagOfResponse: string): boolean {
  return hasMagicCookie(ack.topVia.branch) || ack.toTag === toTagOfResponse;
}

/** Whether the client follows RFC 3261 and its branch is unique (8.1.1.7). Tokens are case-insensitive (7.3.1), so is the cookie. */
export function hasMagicCookie(branch: string): boolean {
  if (branch.startsWith(magicCookie)) return true;
  return (
    branch.length >= magicCookie.length &&
    branch.slice(0, magicCookie.length).toLowerCase() === magicCookie.toLowerCase()
  );
}

/** No part before the last may hold a space, so two different keys are never the same text. */
function keyFor(request: SipMessage, method: string): string {
  const via = request.topVia;
  const sentBy = `${via.host}:${via.port === 0 ? defaultPort(via.transport) : via.port}`;
  if (hasMagicCookie(via.branch)) return `${method} ${sentBy} ${via.branch}`;
  return keyWithoutCookie(request, method, sentBy);
}

/**
 * RFC 2543 fallback: Request-URI, To tag, From tag, Call-ID, CSeq and top Via. The To tag is left out for INVITE: its ACK
 * and CANCEL must find it, and the ACK carries the tag of the response, not of the INVITE (`isAckFor` compares that).
 */
function keyWithoutCookie(request: SipMessage, method: string, sentBy: string): string {
  const via = request.topVia;
  const toTag = method === 'INVITE' ? '' : request.toTag;
  return JSON.stringify([
    method,
    request.cseq,
    request.requestUri,
    request.fromTag,
    toTag,
    request.callId,
    via.transport,
    sentBy,
    via.branch,
  ]);
}

/** 18.1.1, 18.2.2: the port of a sent-by without one. */
function defaultPort(transport: string): number {
  return transport === 'TLS' ? 5061 : 5060;
}
