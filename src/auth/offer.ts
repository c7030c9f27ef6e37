/**
 * Which algorithms a client is offered. RFC 8760 2.4 lets a client skip challenges that it does not understand; some do
 * not skip but give up, so what is known of them by their User-Agent is heeded. Nobody is offered less for any other reason.
 */
import { algorithms } from './digest.ts';
import type { Algorithm } from './digest.ts';

const md5Only: readonly Algorithm[] = ['MD5'];

/** Beginnings of User-Agent values of clients that fail at the sight of a SHA-256 challenge, in whatever order it comes. */
const knowMd5Only: readonly string[] = [
  // libre before 2.6: "Function not implemented" (seen with baresip 1.0.0 of Debian 12).
  'baresip v0.',
  'baresip v1.',
];

export function offeredTo(userAgent: string): readonly Algorithm[] {
  for (const start of knowMd5Only) if (userAgent.startsWith(start)) return md5Only;
  return algorithms;
}
