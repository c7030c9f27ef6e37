/**
 * A process of `processes.test.ts`: works on a store file that others work on too, and reports what the store told it
 * as lines of JSON. Lines go out by a blocking write, so a line that the parent read was true when we were killed.
 */
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { SqliteStore } from '../../../cluster/stores/sqlite/store.ts';

const [role = '', path = '', name = '', count = '0'] = process.argv.slice(2);
const store = new SqliteStore(path);
const info = { link: '', workers: 1, schema: 1, draining: false };

export interface Report {
  /** An acknowledged batch: rows `name.i.0` to `name.i.4` of the partition. */
  readonly wrote?: { readonly partition: number; readonly epoch: number; readonly owner: string; readonly i: number };
  readonly fenced?: true;
  readonly leases?: number;
  readonly overlap?: true;
}

function say(report: Report): void {
  writeSync(1, `${JSON.stringify(report)}\n`);
}

/** Take partitions from each other all the time, and write to those we believe are ours. */
function fight(rounds: number): void {
  const owner = `${name}.1`;
  const epochs = new Map<number, number>();
  for (let i = 0; i < rounds; i++) {
    const partition = i % 3;
    const epoch = epochs.get(partition);
    if (epoch === undefined || Math.random() < 0.3) {
      const next = (store.owners([partition])[0]?.epoch ?? 0) + 1;
      if (store.seal([partition], next, owner)[0] === 0) epochs.set(partition, next);
      continue;
    }
    const rows = [0, 1, 2, 3, 4].map((row) => [`${name}.${i}.${row}`, Buffer.from(String(epoch))] as const);
    const [reply] = store.writeBatch([{ partition, epoch, owner, rows }], i % 8 === 0);
    if (reply === 'ok') say({ wrote: { partition, epoch, owner, i } });
    else {
      say({ fenced: true });
      epochs.delete(partition);
    }
  }
}

/** Only one incarnation at a time may have the lease: each holder makes a file that must not exist yet. */
function leaseInTurns(turns: number): void {
  let leases = 0;
  for (let step = 0; leases < turns && step < 20_000; step++) {
    const registered = store.members()[0]?.incarnation ?? 0;
    if (store.lease('shared', registered + 1, 1_000, info).result !== 'ok') continue;
    // Two that read the same incarnation are one and the same for the store; the file shows whether both went on.
    try {
      closeSync(openSync(`${path}.${registered + 1}`, 'wx'));
    } catch {
      continue;
    }
    try {
      closeSync(openSync(`${path}.held`, 'wx'));
    } catch {
      say({ overlap: true });
    }
    leases++;
    unlinkSync(`${path}.held`);
    store.release('shared', registered + 1);
  }
  say({ leases });
}

if (role === 'fight') fight(Number(count));
if (role === 'lease') leaseInTurns(Number(count));
store.close();
