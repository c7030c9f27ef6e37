/**
 * Whether an item for a partition is a request that begins something new: what a link sheds first when it is full. As
 * `urgencyOf` (actors/mailbox.ts), but over the octets as they travel (actors/envelope.ts): nothing is decoded.
 */

/** False for everything that is not plainly new work. */
export function isNewWork(envelope: Uint8Array): boolean {
  const at = sipAt(envelope);
  if (at < 0 || startsWith(envelope, at, 'SIP/2.0')) return false;
  for (const method of ending) if (startsWith(envelope, at, method)) return false;
  return !hasToTag(envelope, at);
}

/** These end, confirm or go on with something; the blank keeps longer names apart. */
const ending = ['ACK ', 'BYE ', 'CANCEL ', 'PRACK '] as const;

/** Where the SIP message of `[1, kind, key, message, flow]`, perhaps with the time when it was read, begins, or -1. */
function sipAt(o: Uint8Array): number {
  if ((o[0] !== 0x95 && o[0] !== 0x96) || o[1] !== 1) return -1;
  let at = 3; // The number of the kind is a small one.
  const key = o[at]!;
  if (key >= 0xa0 && key <= 0xbf) at += 1 + (key & 0x1f);
  else if (key === 0xd9) at += 2 + o[at + 1]!;
  else if (key === 0xda) at += 3 + ((o[at + 1]! << 8) | o[at + 2]!);
  else return -1;
  const head = o[at];
  return head === 0xc4 ? at + 2 : head === 0xc5 ? at + 3 : head === 0xc6 ? at + 5 : -1;
}

/** Looks at each line of the head for To with a tag. */
function hasToTag(o: Uint8Array, from: number): boolean {
  for (let at = from; at < o.length;) {
    const end = lineEnd(o, at);
    if (end === at) return false; // The empty line: the head is over.
    if (isTo(o, at)) return hasTag(o, at, unfolded(o, end));
    at = end + (o[end] === cr ? 2 : 1);
  }
  return false;
}

const cr = 0x0d;
const lf = 0x0a;
const colon = 0x3a;

/** The end of the line without its CR LF (or LF alone). */
function lineEnd(o: Uint8Array, at: number): number {
  while (at < o.length && o[at] !== lf) at++;
  return o[at - 1] === cr ? at - 1 : at;
}

/** A line that begins with a blank goes on with the one before. */
function unfolded(o: Uint8Array, end: number): number {
  for (;;) {
    const next = end + (o[end] === cr ? 2 : 1);
    if (next >= o.length || !isBlank(o[next]!)) return end;
    end = lineEnd(o, next);
  }
}

function isTo(o: Uint8Array, at: number): boolean {
  const first = lower(o[at]!);
  if (first !== 0x74) return false;
  let next = at + 1;
  if (lower(o[next] ?? 0) === 0x6f) next++;
  while (next < o.length && isBlank(o[next]!)) next++;
  return o[next] === colon;
}

/** `;tag=` behind the address: in `<...>` and in quotes it is a part of something else. */
function hasTag(o: Uint8Array, from: number, end: number): boolean {
  let isQuoted = false;
  let isInside = false;
  for (let at = from; at < end; at++) {
    const c = o[at]!;
    if (isQuoted) {
      if (c === 0x5c) at++;
      else if (c === 0x22) isQuoted = false;
    } else if (c === 0x22) isQuoted = true;
    else if (c === 0x3c) isInside = true;
    else if (c === 0x3e) isInside = false;
    else if (c === 0x3b && !isInside && isTagAt(o, at + 1, end)) return true;
  }
  return false;
}

function isTagAt(o: Uint8Array, at: number, end: number): boolean {
  while (at < end && (isBlank(o[at]!) || o[at] === cr || o[at] === lf)) at++;
  if (lower(o[at] ?? 0) !== 0x74 || lower(o[at + 1] ?? 0) !== 0x61 || lower(o[at + 2] ?? 0) !== 0x67) return false;
  at += 3;
  while (at < end && (isBlank(o[at]!) || o[at] === cr || o[at] === lf)) at++;
  // Else it is another parameter, whose name begins like this one.
  return o[at] === 0x3d;
}

function startsWith(o: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (o[at + i] !== text.charCodeAt(i)) return false;
  return true;
}

function isBlank(c: number): boolean {
  return c === 0x20 || c === 0x09;
}

function lower(c: number): number {
  return c >= 0x41 && c <= 0x5a ? c + 0x20 : c;
}
