/** Comma-separated lists (RFC 3261 7.3.1): commas inside quotes and angle brackets do not separate. */
import { skipLws, skipQuoted } from './params.ts';
import { LWS, is } from './chars.ts';

/** Position of the comma that ends the element starting at `at`, or `end`. */
export function elementEnd(text: string, at: number, end: number): number {
  let bracketed = false;
  for (let next = at; next < end; next += 1) {
    const code = text.charCodeAt(next);
    if (code === 0x2c && !bracketed) return next;
    if (code === 0x3c) bracketed = true;
    else if (code === 0x3e) bracketed = false;
    else if (code === 0x22 && !bracketed) {
      const close = skipQuoted(text, next, end);
      if (close < 0) return end;
      next = close - 1;
    }
  }
  return end;
}

/** The elements, trimmed; empty ones are left out (RFC 9110 5.6.1 in the spirit of 3261's LWS). */
export function splitList(text: string): readonly string[] {
  const all: string[] = [];
  for (let at = 0; at < text.length;) {
    const stop = elementEnd(text, at, text.length);
    const start = skipLws(text, at, stop);
    const last = trimEnd(text, start, stop);
    if (last > start) all.push(text.slice(start, last));
    at = stop + 1;
  }
  return all;
}

/** Position after the last character before `end` that is no white space. */
export function trimEnd(text: string, start: number, end: number): number {
  let last = end;
  while (last > start && is(text.charCodeAt(last - 1), LWS)) last -= 1;
  return last;
}
