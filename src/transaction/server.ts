/**
 * Non-INVITE server transaction: RFC 3261 section 17.2.2, figure 8. Transport errors follow RFC 6026 8.8, which replaces
 * 17.2.4 for every server transaction: it stays, so that a repeated request is not carried out twice.
 */
import { absorb, go, pass, resend, send, start, stay, table, tell } from './table.ts';
import type { Table } from './table.ts';

export const server: Table = table(
  'server',
  'Non-INVITE server transaction (RFC 3261 figure 8, RFC 6026 8.8)',
  // "This request is passed up to the TU."
  go('trying', pass),
  {
    trying: {
      // "any further request retransmissions are discarded".
      'request': absorb,
      '1xx': go('proceeding', send),
      '2xx': go('completed', send, start('J')),
      '3xx-6xx': go('completed', send, start('J')),
    },
    proceeding: {
      // "the most recently sent provisional response MUST be passed to the transport layer for retransmission".
      'request': stay(resend),
      '1xx': stay(send),
      '2xx': go('completed', send, start('J')),
      '3xx-6xx': go('completed', send, start('J')),
      'transport-error': stay(tell('transport-error')),
    },
    completed: {
      'request': stay(resend),
      // "Any other final responses passed by the TU to the server transaction MUST be discarded".
      '2xx': absorb,
      '3xx-6xx': absorb,
      'J': go('terminated'),
      'transport-error': stay(tell('transport-error')),
    },
    terminated: {},
  },
);
