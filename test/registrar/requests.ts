/** REGISTER requests for the tests of the registrar, as a phone would write them. */
import assert from 'node:assert/strict';
import type { Flow } from '../../src/outside.ts';
import type { RegisterContext, RegisterResult } from '../../src/registrar/bindings.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { isFailure, parse } from '../../src/sip/parse.ts';

export interface Parts {
  readonly contacts?: readonly string[];
  readonly expires?: string;
  readonly callId?: string;
  readonly cseq?: number;
  readonly to?: string;
  readonly vias?: number;
  /** Further header lines. */
  readonly lines?: readonly string[];
}

export const startMs = 1_700_000_000_000;

export const flow: Flow = { protocol: 'udp', listener: 0, address: '192.0.2.7', port: 5060, connection: '' };

export function requestText(parts: Parts): string {
  const vias = Array.from(
    { length: parts.vias ?? 1 },
    (_, at) => `Via: SIP/2.0/UDP host${at}.example.com;branch=z9hG4bK${at}`,
  );
  const lines = [
    'REGISTER sip:example.com SIP/2.0',
    ...vias,
    'Max-Forwards: 70',
    'From: <sip:alice@example.com>;tag=1',
    `To: ${parts.to ?? '<sip:alice@example.com>'}`,
    `Call-ID: ${parts.callId ?? 'call'}`,
    `CSeq: ${parts.cseq ?? 1} REGISTER`,
    ...(parts.contacts ?? []).map((value) => `Contact: ${value}`),
    ...(parts.expires === undefined ? [] : [`Expires: ${parts.expires}`]),
    ...(parts.lines ?? []),
    'Content-Length: 0',
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

export function requestOf(text: string): SipMessage {
  const message = parse(Buffer.from(text, 'latin1'), false);
  assert(!isFailure(message), `does not parse: ${isFailure(message) ? message.failure : ''}\n${text}`);
  return message;
}

export function context(over: Partial<RegisterContext> = {}): RegisterContext {
  return { nowMs: startMs, flow, limits: { minExpiresSeconds: 60, maxExpiresSeconds: 7200, maxContacts: 4 }, ...over };
}

/** The values of one header of an answer, in order. */
export function valuesOf(result: RegisterResult, name: string): string[] {
  return result.headers.filter((header) => header[0] === name).map((header) => header[1]);
}
