/** Messages that were sent or received: kept as octets, since the few that look at them again do so seldom. */
import { Buffer } from 'node:buffer';
import type { SipMessage } from '../../src/sip/message.ts';
import { isFailure, parse } from '../../src/sip/parse.ts';

/** Undefined: they are no message, or there are none. */
export function readAgain(octets: Uint8Array): SipMessage | undefined {
  const message = parse(Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength), false);
  return isFailure(message) ? undefined : message;
}
