/**
 * How the rows of a partition come to its buddy: as datagrams (cluster/direct/), which may be lost, come late, twice or out of
 * order, or over the link, which keeps order and loses nothing while it lives.
 *
 * - A copy says which rows it speaks of, `from` to `seq`; those that the store has need not be in it. The buddy takes what
 *   continues what it has, and acknowledges up to where it has everything (tails.ts).
 * - A copy goes as a datagram where there is such a way and room, while nothing that went over the link is unacknowledged.
 * - What goes over the link after a datagram begins after the last acknowledged row: whatever became of the datagrams, the buddy
 *   can take it.
 * - Datagrams that are not acknowledged in time, or before which the buddy misses something, are said again over the link
 *   once (`again`), long before the buddy is given up (replicator.ts).
 */
import { limits } from '../../src/limits.ts';
import { nodeOf } from '../control-types.ts';
import { packWord, type TailRow } from './messages.ts';
import type { Track } from './track.ts';

export interface CopierPorts {
  /** To the node of this id. False when it is not taken. */
  toBuddy(node: string, partition: number, payload: Uint8Array): boolean;
  /** Octets of the longest copy that can go to this process (`ownerName`) as a datagram now; 0: none. Absent: never. */
  roomForCopy?(buddy: string): number;
  /** As a datagram. */
  copyDirectly?(buddy: string, partition: number, payload: Uint8Array): void;
}

export class Copier {
  readonly #ports: CopierPorts;

  constructor(ports: CopierPorts) {
    this.#ports = ports;
  }

  /** Everything that the buddy was not sent yet. False: the link does not take it. */
  send(track: Track): boolean {
    if (track.acked >= track.linked && this.#sendDirectly(track)) return true;
    return this.#sendByLink(track, track.hasDatagrams ? track.acked : track.copied);
  }

  /** What went as datagrams and is not acknowledged. False: the link does not take it. */
  again(track: Track): boolean {
    return this.#sendByLink(track, track.acked);
  }

  #sendDirectly(track: Track): boolean {
    const { partition, relied, copied, seq } = track;
    const room = this.#ports.roomForCopy?.(relied) ?? 0;
    if (room === 0) return false;
    const word = packCopy(track, copied + 1, seq, track.rowsAfter(copied));
    if (word.length > room) return false;
    this.#ports.copyDirectly?.(relied, partition, word);
    track.copied = seq;
    return true;
  }

  #sendByLink(track: Track, after: number): boolean {
    const rows = track.rowsAfter(after);
    let from = after + 1;
    let start = 0;
    let bytes = 0;
    for (let end = 1; end < rows.length; end++) {
      const [seq, key, value] = rows[end - 1]!;
      bytes += 64 + key.length + (value?.length ?? 0);
      if (bytes < limits.linkDataFrameBytesAim) continue;
      if (!this.#sendPart(track, from, seq, rows.slice(start, end))) return false;
      from = seq + 1;
      start = end;
      bytes = 0;
    }
    return this.#sendPart(track, from, track.seq, start === 0 ? rows : rows.slice(start));
  }

  #sendPart(track: Track, from: number, seq: number, rows: readonly TailRow[]): boolean {
    // Taken or not: what comes after one that was not leaves a gap, and is refused.
    track.copied = seq;
    track.linked = seq;
    return this.#ports.toBuddy(nodeOf(track.relied), track.partition, packCopy(track, from, seq, rows));
  }
}

/** The octets are valid until anything is packed again. */
function packCopy(track: Track, from: number, seq: number, rows: readonly TailRow[]): Uint8Array {
  const { relied, epoch, base, stored } = track;
  return packWord({ type: 'copy', buddy: relied, epoch, base, from, seq, stored, rows });
}
