/** Numbers in header values. Never `Number()`: it takes `0x10`, `1e9`, `5.0` and loses digits of long ones. */
import { DIGIT, is } from '../chars.ts';

/** Digits only and at most `max`; -1 for anything else. Leading zeros are fine (RFC 4475 3.1.1.1). */
export function digitsAt(text: string, start: number, end: number, max: number): number {
  if (start >= end) return -1;
  let number = 0;
  for (let at = start; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (!is(code, DIGIT)) return -1;
    number = number * 10 + code - 0x30;
    if (number > max) return -1;
  }
  return number;
}
