/** Builds messages octet by octet in one scratch buffer; only the finished message is allocated. */
import { limits } from '../limits.ts';
import { oneLine } from './params.ts';

const SHORT = 24;

let scratch = Buffer.allocUnsafeSlow(limits.datagramBytesMax + limits.headBytesMax);
let length = 0;

/** Forgets what was written. Everything between `start` and `take` happens in one call, so one scratch buffer is enough. */
export function start(): void {
  length = 0;
}

/** latin1 text: one octet a character. */
export function text(value: string): void {
  const end = length + value.length;
  if (end > scratch.length) grow(end);
  if (value.length < SHORT) for (let i = 0; i < value.length; i += 1) scratch[length + i] = value.charCodeAt(i);
  else scratch.write(value, length, 'latin1');
  length = end;
}

/** Octets of another message. */
export function octets(bytes: Buffer, from: number, to: number): void {
  const end = length + to - from;
  if (end > scratch.length) grow(end);
  if (to - from < SHORT) for (let i = from; i < to; i += 1) scratch[length + i - from] = bytes[i] ?? 0;
  else bytes.copy(scratch, length, from, to);
  length = end;
}

/** `Name: value` CRLF. */
export function line(name: string, value: string): void {
  text(name);
  text(': ');
  text(oneLine(value));
  text('\r\n');
}

export function take(): Buffer {
  const done = Buffer.allocUnsafe(length);
  scratch.copy(done, 0, 0, length);
  return done;
}

function grow(needed: number): void {
  const larger = Buffer.allocUnsafeSlow(needed * 2);
  scratch.copy(larger, 0, 0, length);
  scratch = larger;
}
