/** Where a request came from, written into its top Via (RFC 3261 18.2.1, RFC 3581 section 4). */
import type { Edit } from './edits.ts';
import { scanVia, scanned as via } from './header/via.ts';
import { hostAt } from './host.ts';
import { trimEnd } from './list.ts';

/**
 * Adds the edits for the first Via value between two positions of `text`: `received` always wins over what the client
 * wrote, `rport` is filled in when the client asked for it. None when the sent-by says it all, or the value is malformed.
 */
export function markVia(
  text: string,
  start: number,
  end: number,
  received: string,
  rport: number,
  edits: Edit[],
): void {
  const stop = scanVia(text, start, end);
  if (stop < 0) return;
  const asked = via.rport >= 0;
  if (!asked && via.receivedFrom < 0 && hostAt(text, via.hostStart, via.hostEnd) === received) return;
  if (asked) edits.push({ start: via.rportFrom, end: via.rportEnd, text: `;rport=${rport}` });
  if (via.receivedFrom >= 0)
    edits.push({ start: via.receivedFrom, end: via.receivedEnd, text: `;received=${received}` });
  else {
    const at = trimEnd(text, start, stop);
    edits.push({ start: at, end: at, text: `;received=${received}` });
  }
}
