/** Replies of scripts as values. A reply of another shape than its script gives is a foreign key under our name. */
import { StoreError } from '../../store-ports.ts';
import type { Reply } from './pipeline.ts';

export function listOf(reply: Reply | undefined): readonly Reply[] {
  if (Array.isArray(reply)) return reply as readonly Reply[];
  throw unreadable(reply);
}

export function numberOf(reply: Reply | undefined): number {
  const number = typeof reply === 'number' ? reply : Number(textOf(reply));
  if (Number.isNaN(number)) throw unreadable(reply);
  return number;
}

export function textOf(reply: Reply | undefined): string {
  return octetsOf(reply).toString();
}

export function octetsOf(reply: Reply | undefined): Buffer {
  if (Buffer.isBuffer(reply)) return reply;
  throw unreadable(reply);
}

/** Undefined for null. */
export function optional<T>(read: (reply: Reply) => T, reply: Reply | undefined): T | undefined {
  return reply === null || reply === undefined ? undefined : read(reply);
}

function unreadable(reply: unknown): StoreError {
  return new StoreError(
    'corrupt',
    `Redis holds something under one of our keys that Carillon did not write (${typeof reply}). Choose another database or ` +
      '?prefix=NAME.',
  );
}
