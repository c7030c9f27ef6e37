/** Edits of a stretch of octets, and the writing of what results. */
import * as writer from './writer.ts';

/** Octets `start` to `end` give way to `text` (latin1). Equal positions mean an insertion. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * Writes `bytes` from `from` to `to` with the edits carried out. Insertions at one place come out with the latest first;
 * an edit within octets that another edit has taken out is void.
 */
export function writeEdited(bytes: Buffer, from: number, to: number, edits: Edit[]): void {
  sort(edits);
  let at = from;
  for (let i = 0; i < edits.length; i += 1) {
    const edit = edits[i];
    if (edit === undefined || edit.start < at) continue;
    writer.octets(bytes, at, edit.start);
    writer.text(edit.text);
    at = edit.end;
  }
  writer.octets(bytes, at, to);
}

/** Insertion sort: there are few edits, and they come nearly in order. */
function sort(edits: Edit[]): void {
  for (let i = 1; i < edits.length; i += 1) {
    const edit = edits[i];
    if (edit === undefined) continue;
    let at = i;
    for (; at > 0; at -= 1) {
      const before = edits[at - 1];
      if (before === undefined || !goesBefore(edit, before)) break;
      edits[at] = before;
    }
    edits[at] = edit;
  }
}

function goesBefore(later: Edit, earlier: Edit): boolean {
  return later.start === earlier.start ? later.end === later.start : later.start < earlier.start;
}
