/**
 * Reads what an earlier owner of partitions left: the rows in the store, and what only the memory of its buddy has. The
 * store's marker says whose memory that is and how far the store goes. Of what was given to us we know how many rows there are:
 * when the store has fewer it has lost some, and who gave it to us still has them.
 */
import assert from 'node:assert';
import { limits } from '../../src/limits.ts';
import { nodeOf } from '../control-types.ts';
import type { Share } from '../control-types.ts';
import type { SnapshotAccess } from '../store-access.ts';
import type { LoadedRow, SnapshotRow, StoreError } from '../store-ports.ts';
import { markerKey, packWord, readMarker } from './messages.ts';
import type { BuddyWord, Marker, OwnerWord, RecallWord, TailRow } from './messages.ts';

export interface Left {
  readonly share: Share;
  readonly rows: readonly { readonly key: string; readonly value: Uint8Array }[];
  /** The newer ones among them, and removals: what the store does not have yet. */
  readonly unstored: readonly SnapshotRow[];
  /** The marker that was found. */
  readonly marker: Marker | undefined;
}

export interface TakeoverPorts {
  /** Id of this node. */
  readonly node: string;
  readonly store: SnapshotAccess;
  nowMs(): number;
  toBuddy(node: string, partition: number, payload: Uint8Array): boolean;
  later(delayMs: number, run: () => void): void;
  count(metric: string): void;
}

interface Asked {
  readonly share: Share;
  /** The one that was found. */
  readonly marker: Marker | undefined;
  /** The word that asks, for node `to`. */
  readonly to: string;
  readonly word: OwnerWord | RecallWord;
  /** What is later than that counts. */
  readonly epoch: number;
  readonly seq: number;
  readonly stored: Map<string, Uint8Array>;
  readonly sinceMs: number;
  readonly rows: TailRow[];
  /** The next part of the answer. */
  part: number;
  readonly done: (left: Left) => void;
}

export class Takeover {
  readonly #ports: TakeoverPorts;
  readonly #asked = new Map<number, Asked>();
  #repeating = false;

  constructor(ports: TakeoverPorts) {
    this.#ports = ports;
  }

  /**
   * `taken` is called once for each share, as soon as its rows are complete: a store may hold millions, which must neither be
   * in memory together nor be taken in one turn. `failed` is called once when the store does not answer; shares that were
   * not taken by then, or are asked for at a buddy, may be loaded again.
   */
  load(shares: readonly Share[], taken: (left: Left) => void, failed: (error: StoreError) => void): void {
    let next = 0;
    let found: LoadedRow[] = [];
    const completeNext = (): void => {
      const rows = found;
      found = [];
      this.#sort(shares[next++]!, rows, taken);
    };
    this.#ports.store.loadPieces(
      shares.map(({ partition }) => partition),
      (rows) => {
        for (const row of rows) {
          // They come in the order of the shares.
          while (shares[next] !== undefined && shares[next]!.partition !== row.partition) completeNext();
          assert(next < shares.length, `a row of partition ${row.partition} came too late or unasked`);
          found.push(row);
        }
      },
      (error) => {
        if (error !== undefined) return failed(error);
        while (next < shares.length) completeNext();
      },
    );
  }

  /** What the buddy had is in the store: it need not keep it. */
  stored({ share, marker }: Left): void {
    if (marker === undefined || marker.buddy === '') return;
    this.#ports.toBuddy(nodeOf(marker.buddy), share.partition, packWord({ type: 'forget', epoch: share.epoch }));
  }

  /** The share is somebody else's now: nobody waits for its rows. */
  forget(partition: number): void {
    this.#asked.delete(partition);
  }

  onWord(partition: number, word: BuddyWord): void {
    const asked = this.#asked.get(partition);
    if (asked === undefined || word.type !== 'tail' || word.epoch !== asked.share.epoch) return;
    if (word.part === 0) asked.rows.length = 0;
    else if (word.part !== asked.part) return;
    asked.part = word.part + 1;
    // Rows of an owner before the one that wrote the marker are older than the store.
    if (word.tailEpoch >= asked.epoch)
      for (const row of word.rows) if (word.tailEpoch > asked.epoch || row[0] > asked.seq) asked.rows.push(row);
    if (word.last) this.#complete(asked);
  }

  #sort(share: Share, rows: readonly LoadedRow[], done: (left: Left) => void): void {
    let marker: Marker | undefined;
    const stored = new Map<string, Uint8Array>();
    for (const { key, value } of rows) {
      if (key === markerKey) marker = readMarker(value);
      else stored.set(key, value);
    }
    const { keeper, rows: count = 0 } = share;
    const { epoch } = share;
    const asked = { share, marker, stored, sinceMs: this.#ports.nowMs(), rows: [], part: 0, done };
    if (keeper !== undefined && stored.size < count) {
      this.#ports.count('tail.recalled');
      const word: RecallWord = { type: 'recall', keeper, epoch, by: this.#ports.node };
      return this.#ask({ ...asked, to: nodeOf(keeper), word, epoch: 0, seq: 0 });
    }
    if (marker === undefined || marker.buddy === '') return done({ share, rows: listOf(stored), unstored: [], marker });
    const { buddy, seq } = marker;
    this.#ask({ ...asked, to: nodeOf(buddy), word: { type: 'take', buddy, epoch }, epoch: marker.epoch, seq });
  }

  #ask(asked: Asked): void {
    this.#asked.set(asked.share.partition, asked);
    this.#say(asked);
    this.#repeat();
  }

  #say({ share, to, word }: Asked): void {
    this.#ports.toBuddy(to, share.partition, packWord(word));
  }

  #repeat(): void {
    if (this.#repeating) return;
    this.#repeating = true;
    this.#ports.later(limits.tailAskMs, () => {
      this.#repeating = false;
      const oldestMs = this.#ports.nowMs() - limits.tailWaitMs;
      for (const asked of this.#asked.values()) {
        if (asked.sinceMs > oldestMs) {
          this.#say(asked);
          continue;
        }
        // Both memories are lost: what the store has must do.
        this.#ports.count('tail.missing');
        asked.rows.length = 0;
        this.#complete(asked);
      }
      if (this.#asked.size > 0) this.#repeat();
    });
  }

  #complete({ share, marker, stored, rows, done }: Asked): void {
    this.#asked.delete(share.partition);
    for (const [, key, value] of rows) {
      if (value === null) stored.delete(key);
      else stored.set(key, value);
    }
    if (rows.length > 0) this.#ports.count('tail.taken');
    done({ share, rows: listOf(stored), unstored: rows.map(([, key, value]) => [key, value]), marker });
  }
}

function listOf(rows: ReadonlyMap<string, Uint8Array>): { key: string; value: Uint8Array }[] {
  return Array.from(rows, ([key, value]) => ({ key, value }));
}
