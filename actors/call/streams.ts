/** What a transaction over a connection still has to do with its peer: nobody repeats anything there by himself. */
import { ServerTransaction } from '../../src/transaction/machine.ts';
import type { Transaction } from '../../src/transaction/machine.ts';

/** Its last message was sent, and nothing tells yet that it has come. */
export function awaitsPeer(tx: Transaction): boolean {
  if (!tx.reliable || tx.sent.length === 0) return false;
  if (tx instanceof ServerTransaction) return tx.state !== 'confirmed' && !tx.terminated;
  return tx.state === 'calling' || tx.state === 'trying';
}

/** Timer J is 0 on streams: the transaction is over, but we still know what it said. */
export function isAnswered(server: ServerTransaction): boolean {
  return server.reliable && server.terminated && server.sent.length > 0;
}
