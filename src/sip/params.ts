/**
 * Parameters of header values, `;name`, `;name=token`, `;name="quoted"` (RFC 3261 25.1 generic-param), and the small
 * scanners that every header shares. Scanners work on positions and allocate nothing; -1 means: not the grammar.
 */
import { limits } from '../limits.ts';
import { LWS, TOKEN, VALUE, is, isWord } from './chars.ts';

/**
 * Names in lower case, values as they were written (quotes included), undefined for a name alone. An array, not an
 * object: names come from the network and may be names of JavaScript's own members.
 */
export type Params = readonly (readonly [name: string, value: string | undefined])[];

export const noParams: Params = [];

/** The value of a parameter; '' when it has none, undefined when there is no such parameter. `name` in lower case. */
export function findParam(params: Params, name: string): string | undefined {
  for (let i = 0; i < params.length; i += 1) {
    const param = params[i];
    if (param !== undefined && param[0] === name) return param[1] ?? '';
  }
  return undefined;
}

/** `;name=value` for each. */
export function formatParams(params: Params): string {
  return params.map(([name, value]) => (value === undefined ? `;${name}` : `;${name}=${value}`)).join('');
}

/** Where the scanner found the last parameter. `valueStart` is -1 for a name alone. */
export const found = { nameStart: 0, nameEnd: 0, valueStart: -1, valueEnd: -1 };

export function skipLws(text: string, at: number, end: number): number {
  let next = at;
  while (next < end && is(text.charCodeAt(next), LWS)) next += 1;
  return next;
}

export function skipToken(text: string, at: number, end: number): number {
  let next = at;
  while (next < end && is(text.charCodeAt(next), TOKEN)) next += 1;
  return next;
}

/** From an opening quote to the position after the closing one. Quoted-pairs may hold anything but CR and LF. */
export function skipQuoted(text: string, at: number, end: number): number {
  for (let next = at + 1; next < end; next += 1) {
    const code = text.charCodeAt(next);
    if (code === 0x22) return next + 1;
    if (code === 0x5c) {
      next += 1;
      const paired = text.charCodeAt(next);
      if (next >= end || paired === 0x0d || paired === 0x0a || paired > 0x7f) return -1;
    }
  }
  return -1;
}

/** One parameter from just after its `;` to just after its value. Trailing white space is not consumed. */
export function skipParam(text: string, at: number, end: number): number {
  const nameStart = skipLws(text, at, end);
  const nameEnd = skipToken(text, nameStart, end);
  if (nameEnd === nameStart) return -1;
  found.nameStart = nameStart;
  found.nameEnd = nameEnd;
  found.valueStart = -1;
  const equal = skipLws(text, nameEnd, end);
  if (text.charCodeAt(equal) !== 0x3d || equal >= end) return nameEnd;
  const valueStart = skipLws(text, equal + 1, end);
  let valueEnd = valueStart;
  if (text.charCodeAt(valueStart) === 0x22) valueEnd = skipQuoted(text, valueStart, end);
  else while (valueEnd < end && is(text.charCodeAt(valueEnd), VALUE)) valueEnd += 1;
  if (valueEnd <= valueStart) return -1;
  found.valueStart = valueStart;
  found.valueEnd = valueEnd;
  return valueEnd;
}

/** True when the parameter found last has this name (in lower case). */
export function foundName(text: string, name: string): boolean {
  return isWord(text, found.nameStart, found.nameEnd, name);
}

/** The parameters from `at` (a `;`, or white space before it) up to `end` or a comma. Scanned before, so well formed. */
export function readParams(text: string, at: number, end: number): Params {
  let next = skipLws(text, at, end);
  if (next >= end || text.charCodeAt(next) !== 0x3b) return noParams;
  const params: [string, string | undefined][] = [];
  while (next < end && text.charCodeAt(next) === 0x3b && params.length < limits.paramsPerValueMax) {
    next = skipParam(text, next + 1, end);
    if (next < 0) break;
    const value = found.valueStart < 0 ? undefined : unfold(text.slice(found.valueStart, found.valueEnd));
    params.push([text.slice(found.nameStart, found.nameEnd).toLowerCase(), value]);
    next = skipLws(text, next, end);
  }
  return params;
}

/** White space around a fold, CR LF included, means one space (RFC 3261 7.3.1). */
export function unfold(text: string): string {
  if (!text.includes('\r')) return text;
  const parts: string[] = [];
  let from = 0;
  for (let at = text.indexOf('\r'); at >= 0; at = text.indexOf('\r', from)) {
    let left = at;
    while (left > from && is(text.charCodeAt(left - 1), LWS)) left -= 1;
    parts.push(text.slice(from, left));
    from = skipLws(text, at, text.length);
  }
  parts.push(text.slice(from));
  return parts.join(' ');
}

/** Text that can stand in a header line: CR and LF, which would start a line of their own, become spaces. */
export function oneLine(text: string): string {
  return text.includes('\r') || text.includes('\n') ? text.replaceAll('\r', ' ').replaceAll('\n', ' ') : text;
}

/** The content of a quoted string with its quoted-pairs resolved; other text as it is. */
export function unquote(text: string): string {
  if (text.length < 2 || text.charCodeAt(0) !== 0x22) return text;
  if (!text.includes('\\')) return text.slice(1, -1);
  const parts: string[] = [];
  for (let at = 1; at < text.length - 1; at += 1) {
    if (text.charCodeAt(at) === 0x5c) at += 1;
    parts.push(text.charAt(at));
  }
  return parts.join('');
}

/** A quoted string that holds `text`. CR and LF cannot be quoted (RFC 3261 25.1) and become spaces. */
export function quote(text: string): string {
  const parts: string[] = ['"'];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x0d || code === 0x0a) parts.push(' ');
    else if (code === 0x22 || code === 0x5c || code < 0x20 || code === 0x7f) parts.push('\\', text.charAt(at));
    else parts.push(text.charAt(at));
  }
  parts.push('"');
  return parts.join('');
}
