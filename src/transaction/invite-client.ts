/**
 * INVITE client transaction: RFC 3261 section 17.1.1, figure 5, as corrected by RFC 6026 section 7.2 (Accepted, timer M).
 * Timer C of a proxy (16.6 step 11) is the proxy core's and not in this machine.
 */
import { ack, go, pass, resend, send, start, stay, stop, table, tell } from './table.ts';
import type { Table } from './table.ts';

export const inviteClient: Table = table(
  'invite-client',
  'INVITE client transaction (RFC 3261 figure 5, RFC 6026 7.2)',
  // 17.1.1.2: the request goes to the transport; unreliable: timer A with T1; any transport: timer B with 64*T1.
  go('calling', send, start('A'), start('B')),
  {
    calling: {
      // "MUST retransmit the request [...] and MUST reset the timer with a value of 2*T1", and so on, doubling.
      'A': stay(resend, start('A')),
      // "SHOULD inform the TU that a timeout has occurred. The client transaction MUST NOT generate an ACK."
      'B': go('terminated', stop('A'), tell('timeout')),
      // "transitions to the Proceeding state [...] SHOULD NOT retransmit the request any longer".
      '1xx': go('proceeding', stop('A'), stop('B'), pass),
      // RFC 6026 8.4: 2xx enters Accepted and starts timer M; the ACK to a 2xx is the TU's.
      '2xx': go('accepted', stop('A'), stop('B'), start('M'), pass),
      // "MUST generate an ACK request, even if the transport is reliable"; timer D on entering Completed.
      '3xx-6xx': go('completed', stop('A'), stop('B'), ack, start('D'), pass),
      // 17.1.4
      'transport-error': go('terminated', stop('A'), stop('B'), tell('transport-error')),
    },
    proceeding: {
      // "Any further provisional responses MUST be passed up to the TU".
      '1xx': stay(pass),
      '2xx': go('accepted', start('M'), pass),
      '3xx-6xx': go('completed', ack, start('D'), pass),
    },
    accepted: {
      // RFC 6026 8.4: every 2xx is passed up, from this or from another fork; timer M is not restarted.
      '2xx': stay(pass),
      'M': go('terminated'),
    },
    completed: {
      // "MUST cause the ACK to be re-passed to the transport layer [...] MUST NOT be passed up to the TU".
      '3xx-6xx': stay(ack),
      'D': go('terminated'),
      // Figure 5: the ACK could not be sent.
      'transport-error': go('terminated', stop('D'), tell('transport-error')),
    },
    terminated: {},
  },
);
