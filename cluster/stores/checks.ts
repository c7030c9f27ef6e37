/** What no adapter accepts. The same answer for all of them, before anything is written. */
import assert from 'node:assert';
import { limits } from '../../src/limits.ts';
import { StoreError } from '../store-ports.ts';
import type { SnapshotRow, WriteBatch } from '../store-ports.ts';

/** @throws StoreError `too-large` when a batch is over its limits; assertion when the caller is wrong. */
export function checkBatches(batches: readonly WriteBatch[]): void {
  for (const { partition, epoch, rows } of batches) {
    assert(partition >= 0 && partition < limits.partitions, 'a partition number is below limits.partitions');
    assert(Number.isSafeInteger(epoch), 'an epoch is a safe integer');
    const fault = rowsFault(partition, rows);
    if (fault !== undefined) throw fault;
  }
}

/** The reason why these rows cannot be stored, or undefined. */
export function rowsFault(partition: number, rows: readonly SnapshotRow[]): StoreError | undefined {
  if (rows.length > limits.storeBatchRowsMax) {
    return new StoreError(
      'too-large',
      `A batch of ${rows.length} rows for partition ${partition} was refused: the most is ${limits.storeBatchRowsMax} ` +
        '(limits.storeBatchRowsMax). Split it.',
    );
  }
  for (const [key, value] of rows) {
    if (value !== null && value.length > limits.snapshotBytesMax) {
      return new StoreError(
        'too-large',
        `The snapshot ${JSON.stringify(key.slice(0, 80))} of partition ${partition} has ${value.length} octets and was ` +
          `refused with its batch: the most is ${limits.snapshotBytesMax} (limits.snapshotBytesMax).`,
      );
    }
    if (key.length > limits.snapshotKeyCharsMax) {
      return new StoreError(
        'too-large',
        `A snapshot key of ${key.length} characters for partition ${partition} was refused with its batch: the most is ` +
          `${limits.snapshotKeyCharsMax} (limits.snapshotKeyCharsMax).`,
      );
    }
  }
  return undefined;
}
