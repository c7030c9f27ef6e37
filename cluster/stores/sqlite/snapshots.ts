/** SnapshotStore on SQLite: fenced group commits and chunked loads. */
import type { StatementSync } from 'node:sqlite';
import type {
  LoadChunk,
  LoadPosition,
  LoadedRow,
  SnapshotRow,
  SnapshotStore,
  WriteBatch,
  WriteReply,
} from '../../store-ports.ts';
import { limits } from '../../../src/limits.ts';
import { checkBatches } from '../checks.ts';
import type { Connection } from './connection.ts';

export class SqliteSnapshots implements SnapshotStore {
  readonly #connection: Connection;
  readonly #owner: StatementSync;
  readonly #put: StatementSync;
  readonly #remove: StatementSync;
  readonly #first: StatementSync;
  readonly #after: StatementSync;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#owner = connection.prepare('SELECT epoch, owner FROM owner WHERE partition = ?');
    // Each row as an object has a shape of its own.
    this.#owner.setReturnArrays(true);
    this.#put = connection.prepare(
      'INSERT INTO snapshot (partition, key, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
    );
    this.#remove = connection.prepare('DELETE FROM snapshot WHERE partition = ? AND key = ?');
    this.#first = connection.prepare('SELECT key, value FROM snapshot WHERE partition = ? ORDER BY key LIMIT ?');
    this.#after = connection.prepare(
      'SELECT key, value FROM snapshot WHERE partition = ? AND key > ? ORDER BY key LIMIT ?',
    );
  }

  write(partition: number, epoch: number, owner: string, rows: readonly SnapshotRow[]): WriteReply {
    const [reply] = this.writeBatch([{ partition, epoch, owner, rows }], false);
    return reply ?? 'ok';
  }

  writeBatch(batches: readonly WriteBatch[], durable: boolean): WriteReply[] {
    checkBatches(batches);
    return this.#connection.write('writing snapshots', durable, () => {
      const replies: WriteReply[] = [];
      for (const batch of batches) replies.push(this.#writeFenced(batch));
      return replies;
    });
  }

  load(partitions: readonly number[]): LoadedRow[] {
    const all: LoadedRow[] = [];
    let position: LoadPosition | undefined = { index: 0, afterKey: undefined };
    while (position !== undefined) {
      const chunk: LoadChunk = this.loadChunk(
        partitions,
        position,
        limits.storeLoadChunkRows,
        limits.storeLoadChunkBytes,
      );
      for (const row of chunk.rows) all.push(row);
      position = chunk.next;
    }
    return all;
  }

  loadChunk(partitions: readonly number[], from: LoadPosition, rowsMax: number, bytesMax: number): LoadChunk {
    return this.#connection.read('loading snapshots', () => {
      const rows: LoadedRow[] = [];
      let bytes = 0;
      let afterKey = from.afterKey;
      for (let index = from.index; index < partitions.length; index++) {
        const partition = partitions[index] ?? 0;
        const left = rowsMax - rows.length;
        const found =
          afterKey === undefined
            ? this.#first.iterate(partition, left)
            : this.#after.iterate(partition, afterKey, left);
        for (const row of found) {
          const key = String(row['key']);
          const value = row['value'] as Uint8Array;
          rows.push({ partition, key, value });
          bytes += value.length;
          if (rows.length >= rowsMax || bytes >= bytesMax) return { rows, next: { index, afterKey: key } };
        }
        afterKey = undefined;
      }
      return { rows, next: undefined };
    });
  }

  #writeFenced({ partition, epoch, owner, rows }: WriteBatch): WriteReply {
    const sealed = this.#owner.get(partition) as readonly unknown[] | undefined;
    if (sealed === undefined) return { fencedBy: 0 };
    const [sealedEpoch, sealedOwner] = sealed;
    if (sealedEpoch !== epoch || sealedOwner !== owner) return { fencedBy: Number(sealedEpoch) };
    for (const [key, value] of rows) {
      if (value === null) this.#remove.run(partition, key);
      else this.#put.run(partition, key, value);
    }
    return 'ok';
  }
}
