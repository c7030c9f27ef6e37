/** CSeq: number and method (RFC 3261 20.16). */
import { limits } from '../../limits.ts';
import { DIGIT, is } from '../chars.ts';
import { skipLws, skipToken } from '../params.ts';

export interface CSeq {
  readonly number: number;
  readonly method: string;
}

/** Where the last scan found the parts. */
export const scanned = { number: 0, methodStart: 0, methodEnd: 0 };

/** True when the text from `start` to `end` is a number below 2**31 (RFC 3261 8.1.1.5), white space and a method. */
export function scanCSeq(text: string, start: number, end: number): boolean {
  let at = start;
  let number = 0;
  while (at < end && is(text.charCodeAt(at), DIGIT)) {
    number = number * 10 + text.charCodeAt(at) - 0x30;
    if (number > limits.cseqMax) return false;
    at += 1;
  }
  const methodStart = skipLws(text, at, end);
  if (at === start || methodStart === at) return false;
  const methodEnd = skipToken(text, methodStart, end);
  scanned.number = number;
  scanned.methodStart = methodStart;
  scanned.methodEnd = methodEnd;
  return methodEnd > methodStart && methodEnd === end && methodEnd - methodStart <= limits.methodBytesMax;
}

export function parseCSeq(text: string): CSeq | undefined {
  if (!scanCSeq(text, 0, text.length)) return undefined;
  return { number: scanned.number, method: text.slice(scanned.methodStart, scanned.methodEnd) };
}

export function writeCSeq(cseq: CSeq): string {
  return `${cseq.number} ${cseq.method}`;
}
