/**
 * Character classes of the SIP grammar (RFC 3261 25.1), one bit each, looked up by octet.
 *
 * Text from the network is decoded as latin1, so that every character code is an octet. Codes above 255 (text from a
 * configuration file) belong to no class.
 */

/** `token`: what methods, header names and parameter names are made of. */
export const TOKEN = 1;
/** Linear white space. CR and LF count: the header index has made sure that they occur in folds only. */
export const LWS = 2;
export const DIGIT = 4;
export const HEX = 8;
/** Host names: letters, digits, `-`, `.`, and the `_` that the world uses against the grammar. */
export const HOST = 16;
/** `unreserved` / `user-unreserved`, without the escapes. */
export const USER = 32;
export const PASSWORD = 64;
/** `param-unreserved` / `unreserved`: URI parameters, without the escapes. */
export const URI_PARAM = 128;
/** `hnv-unreserved` / `unreserved`: URI headers, without the escapes. */
export const URI_HEADER = 256;
/** Parameter values outside quotes: wider than `token / host`, as tags in the world hold `/`, `=` and `@`. */
export const VALUE = 512;
/** Anything a URI of any scheme may hold (RFC 3986), so no space, control, quote or angle bracket. */
export const URI = 1024;
/** Anything visible: what a Call-ID may be made of. */
export const VISIBLE = 2048;
/** `unreserved`: an escape of one of these means the character itself (RFC 3261 19.1.4). */
export const UNRESERVED = 4096;
/** Digits and visual separators of telephone numbers (RFC 3966 section 3). */
export const PHONE = 8192;
/** Display names outside quotes: tokens, and UTF-8 which strictly would need the quotes. */
export const DISPLAY = 16384;
/** What a URI scheme starts with. */
export const ALPHA_START = 32768;

const ALPHA_TEXT = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
const ALNUM_TEXT = `${ALPHA_TEXT}0123456789`;
const UNRESERVED_TEXT = `${ALNUM_TEXT}-_.!~*'()`;

const classes = new Uint16Array(256);

function add(mask: number, members: string): void {
  for (let i = 0; i < members.length; i += 1) {
    const code = members.charCodeAt(i);
    classes[code] = (classes[code] ?? 0) | mask;
  }
}

add(TOKEN | DISPLAY, `${ALNUM_TEXT}-.!%*_+\`'~`);
add(ALPHA_START, ALPHA_TEXT);
add(LWS, ' \t\r\n');
add(DIGIT, '0123456789');
add(HEX, '0123456789abcdefABCDEF');
add(HOST, `${ALNUM_TEXT}-._`);
add(USER, `${UNRESERVED_TEXT}&=+$,;?/`);
add(PASSWORD, `${UNRESERVED_TEXT}&=+$,`);
add(URI_PARAM, `${UNRESERVED_TEXT}[]/:&+$`);
add(URI_HEADER, `${UNRESERVED_TEXT}[]/?:+$`);
add(UNRESERVED, UNRESERVED_TEXT);
add(PHONE, '+0123456789abcdefABCDEF*#-.()');
for (let code = 0x21; code < 0x7f; code += 1) {
  const text = String.fromCharCode(code);
  add(VISIBLE, text);
  if (!'",;<>\\'.includes(text)) add(VALUE, text);
  if (!'"<>\\^`{|}'.includes(text)) add(URI, text);
}
for (let code = 0x80; code < 0x100; code += 1) add(VALUE | DISPLAY, String.fromCharCode(code));

/** True when the octet belongs to at least one of the classes in `mask`. NaN (the end of a text) belongs to none. */
export function is(code: number, mask: number): boolean {
  return code < 256 && ((classes[code] ?? 0) & mask) !== 0;
}

/** The lower-case form of an octet; only A to Z change. */
export function lower(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code | 0x20 : code;
}

/** True when `text` from `start` to `end` is `word` but for the case of its letters. `word` is in lower case. */
export function isWord(text: string, start: number, end: number, word: string): boolean {
  if (end - start !== word.length) return false;
  for (let i = 0; i < word.length; i += 1) if (lower(text.charCodeAt(start + i)) !== word.charCodeAt(i)) return false;
  return true;
}

/** True when `text` from `start` to `end` is one or more characters of the classes in `mask`. */
export function isAll(text: string, start: number, end: number, mask: number): boolean {
  if (start >= end) return false;
  for (let at = start; at < end; at += 1) if (!is(text.charCodeAt(at), mask)) return false;
  return true;
}
