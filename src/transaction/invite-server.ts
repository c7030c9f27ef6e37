/**
 * INVITE server transaction: RFC 3261 section 17.2.1, figure 7, as corrected by RFC 6026 section 7.1 (Accepted, timer L).
 * The 100 (Trying) of 17.2.1 is the TU's `1xx` like any other: only the TU knows whether it answers within 200 ms.
 */
import { absorb, go, pass, resend, send, start, stay, stop, table, tell } from './table.ts';
import type { Table } from './table.ts';

export const inviteServer: Table = table(
  'invite-server',
  'INVITE server transaction (RFC 3261 figure 7, RFC 6026 7.1)',
  // "The request MUST be passed to the TU."
  go('proceeding', pass),
  {
    proceeding: {
      // "the most recent provisional response that was received from the TU MUST be passed to the transport layer".
      'INVITE': stay(resend),
      '1xx': stay(send),
      // RFC 6026 8.5: Accepted instead of Terminated; retransmissions of the 2xx are the TU's.
      '2xx': go('accepted', send, start('L')),
      // "For unreliable transports, timer G is set to fire in T1 seconds"; timer H "for all transports".
      '3xx-6xx': go('completed', send, start('G'), start('H')),
      // RFC 6026 8.8: "SHOULD inform the TU that a failure has occurred, and MUST remain in the current state".
      'transport-error': stay(tell('transport-error')),
    },
    accepted: {
      // RFC 6026 7.1: absorbed, not passed to the TU and not answered.
      'INVITE': absorb,
      // RFC 6026 8.7: a 2xx from the TU, first or repeated, goes to the transport.
      '2xx': stay(send),
      // RFC 6026 8.7: the ACK to a 2xx is passed up.
      'ACK': stay(pass),
      'L': go('terminated'),
      'transport-error': stay(tell('transport-error')),
    },
    completed: {
      // "the server SHOULD pass the response to the transport for retransmission".
      'INVITE': stay(resend),
      // "MUST transition to the Confirmed state"; timer I absorbs further ACKs.
      'ACK': go('confirmed', stop('G'), stop('H'), start('I')),
      'G': stay(resend, start('G')),
      // "it implies that the ACK was never received [...] MUST indicate to the TU that a transaction failure has occurred".
      'H': go('terminated', stop('G'), tell('timeout')),
      'transport-error': stay(tell('transport-error')),
    },
    confirmed: {
      // "to absorb any additional ACK messages that arrive".
      ACK: absorb,
      // A late INVITE that overtook nobody: its final response is known to have arrived.
      INVITE: absorb,
      I: go('terminated'),
    },
    terminated: {},
  },
);
