/** What a message means to a transaction: the name of its event. */
import type { SipMessage } from '../sip/message.ts';
import type { Event } from './table.ts';

/** The event of a message that came from the network and matched a transaction (key.ts). */
export function eventOf(message: SipMessage): Event {
  if (!message.isRequest) return eventOfStatus(message.status);
  if (message.method === 'INVITE') return 'INVITE';
  if (message.method === 'ACK') return 'ACK';
  return 'request';
}

/** The event of a response with this status (100 to 699), received by a client or handed to a server by its TU. */
export function eventOfStatus(status: number): '1xx' | '2xx' | '3xx-6xx' {
  if (status < 200) return '1xx';
  return status < 300 ? '2xx' : '3xx-6xx';
}
