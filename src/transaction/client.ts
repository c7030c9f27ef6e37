/** Non-INVITE client transaction: RFC 3261 section 17.1.2, figure 6. */
import { absorb, go, pass, resend, send, start, startAtCap, stay, stop, table, tell } from './table.ts';
import type { Table } from './table.ts';

export const client: Table = table(
  'client',
  'Non-INVITE client transaction (RFC 3261 figure 6)',
  // 17.1.2.2: timer F with 64*T1; unreliable: timer E with T1.
  go('trying', send, start('E'), start('F')),
  {
    trying: {
      // "the timer is reset, but this time with a value of MIN(2*T1, T2)", and so on.
      'E': stay(resend, start('E')),
      'F': go('terminated', stop('E'), tell('timeout')),
      // Timers E and F go on: a provisional response promises nothing here.
      '1xx': go('proceeding', pass),
      '2xx': go('completed', stop('E'), stop('F'), start('K'), pass),
      '3xx-6xx': go('completed', stop('E'), stop('F'), start('K'), pass),
      // 17.1.4
      'transport-error': go('terminated', stop('E'), stop('F'), tell('transport-error')),
    },
    proceeding: {
      // "MUST be passed to the transport layer for retransmission, and Timer E MUST be reset with a value of T2 seconds".
      'E': stay(resend, startAtCap('E')),
      'F': go('terminated', stop('E'), tell('timeout')),
      '1xx': stay(pass),
      '2xx': go('completed', stop('E'), stop('F'), start('K'), pass),
      '3xx-6xx': go('completed', stop('E'), stop('F'), start('K'), pass),
      'transport-error': go('terminated', stop('E'), stop('F'), tell('transport-error')),
    },
    completed: {
      // "to buffer any additional response retransmissions that may be received".
      '1xx': absorb,
      '2xx': absorb,
      '3xx-6xx': absorb,
      'K': go('terminated'),
    },
    terminated: {},
  },
);
