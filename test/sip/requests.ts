/** A valid OPTIONS with some parts exchanged, and what the parser makes of it. */
import type { SipMessage } from '../../src/sip/message.ts';
import { isFailure, parse } from '../../src/sip/parse.ts';

export interface Parts {
  start?: string;
  via?: string;
  from?: string;
  to?: string;
  callId?: string;
  cseq?: string;
  more?: readonly string[];
}

export function text(parts: Parts): string {
  return [
    parts.start ?? 'OPTIONS sip:bob@example.com SIP/2.0',
    `Via: ${parts.via ?? 'SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa'}`,
    `From: ${parts.from ?? '<sip:alice@example.com>;tag=1'}`,
    `To: ${parts.to ?? '<sip:bob@example.com>'}`,
    `Call-ID: ${parts.callId ?? 'c@192.0.2.1'}`,
    `CSeq: ${parts.cseq ?? '1 OPTIONS'}`,
    ...(parts.more ?? []),
    '',
    '',
  ].join('\r\n');
}

/** 'ok', or the failure with its status. */
export function outcome(message: string | Buffer | Parts, stream = false): string {
  const bytes = Buffer.isBuffer(message)
    ? message
    : Buffer.from(typeof message === 'string' ? message : text(message), 'latin1');
  const result = parse(bytes, stream);
  return isFailure(result) ? `${result.status} ${result.failure}` : 'ok';
}

export function accepted(parts: Parts): SipMessage {
  const result = parse(Buffer.from(text(parts), 'latin1'), false);
  if (isFailure(result)) throw new Error(result.failure);
  return result;
}
