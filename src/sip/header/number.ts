/** Numbers in header values. Never `Number()`: it takes `0x10`, `1e9`, `5.0` and loses digits of long ones. */
import { DIGIT, is } from '../chars.ts';

/** Digits only and at most `max`; -1 for anything else. Leading zeros are fine (RFC 4475 3.1.1.1). */
export function parseDigits(text: string, max: number): number {
  return digitsAt(text, 0, text.length, max);
}

/** The same for a stretch of a text. */
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

/**
 * delta-seconds of Expires and its like. Digits beyond `max` mean "as long as you can": the value is `max` (RFC 3261
 * 20.19 lets a number above 2**32-1 be read so). -1 when it is not all digits.
 */
export function parseDeltaSeconds(text: string, max: number): number {
  if (text === '') return -1;
  let number = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (!is(code, DIGIT)) return -1;
    number = Math.min(max, number * 10 + code - 0x30);
  }
  return number;
}

/** qvalue (RFC 3261 25.1): 0 to 1 with at most three decimals, in thousandths; -1 for anything else (NaN, 1e9, -1). */
export function parseQValue(text: string): number {
  const first = text.charCodeAt(0);
  if ((first !== 0x30 && first !== 0x31) || text.length > 5) return -1;
  let thousandths = (first - 0x30) * 1000;
  if (text.length > 1 && text.charCodeAt(1) !== 0x2e) return -1;
  let weight = 100;
  for (let at = 2; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (!is(code, DIGIT)) return -1;
    thousandths += (code - 0x30) * weight;
    weight /= 10;
  }
  return thousandths <= 1000 ? thousandths : -1;
}
