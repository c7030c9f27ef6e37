/**
 * Very many registrations put into a store as a node would have written them, since to register millions by packets takes an
 * hour. `u0` to `u(N - 1)` are at one address.
 */
import { encodeRow, packState, rowKey } from '../../actors/snapshot.ts';
import { partitionOf } from '../../cluster/hash.ts';
import type { WriteBatch } from '../../cluster/store-ports.ts';
import { openServed } from '../../cluster/stores/open.ts';
import type { ServedStore } from '../../cluster/stores/served.ts';
import { limits } from '../../src/limits.ts';
import { pack } from '../../src/registrar/bindings.ts';
import { domain } from './server.ts';

export interface Filling {
  readonly url: string;
  readonly count: number;
  /** Of the phones, on 127.0.0.1. */
  readonly port: number;
  readonly expiresAtMs: number;
}

const owner = 'filled.1';
const epoch = 1;
const rowsPerCommit = 4_096;

export async function fill(filling: Filling, progress: (done: number) => void): Promise<void> {
  const store = await opened(filling.url);
  const partitions = Array.from({ length: limits.partitions }, (_, partition) => partition);
  await new Promise<void>((resolve, reject) =>
    store.call('seal', [partitions, epoch, owner], (...[error]) => (error === undefined ? resolve() : reject(error))),
  );
  const nowMs = Date.now();
  for (let first = 0; first < filling.count; first += rowsPerCommit) {
    const batches: WriteBatch[] = [];
    for (let user = first; user < Math.min(filling.count, first + rowsPerCommit); user++) {
      const aor = `sip:u${user}@${domain}`;
      const rows = [[rowKey('aor', aor), rowOf(filling, user, nowMs)] as const];
      batches.push({ partition: partitionOf(aor), epoch, owner, rows });
    }
    await new Promise<void>((resolve, reject) =>
      store.commit(batches, false, (outcomes) => {
        const refused = outcomes.find((outcome) => outcome !== 'ok');
        if (refused === undefined) resolve();
        else reject(refused instanceof Error ? refused : new Error(`fenced by ${refused.fencedBy}`));
      }),
    );
    progress(Math.min(filling.count, first + rowsPerCommit));
  }
  await new Promise<void>((resolve) => store.close(resolve));
}

function opened(url: string): Promise<ServedStore> {
  return new Promise((resolve, reject) =>
    openServed(url, {}, (error, store) => (error === undefined ? resolve(store) : reject(error))),
  );
}

function rowOf({ port, expiresAtMs }: Filling, user: number, nowMs: number): Uint8Array {
  const state = pack([
    {
      uri: `sip:u${user}@127.0.0.1:${port}`,
      q: 1,
      expiresAtMs,
      callId: `ru${user}@127.0.0.1`,
      cseq: 1,
      instance: '',
      regId: 0,
      path: [],
      flow: { protocol: 'udp', listener: 0, address: '127.0.0.1', port, connection: '' },
      userAgent: '',
      methods: '',
      registeredAtMs: nowMs,
      former: [],
    },
  ]);
  const packed = packState([1, state, null]);
  return encodeRow({ kind: 'aor', version: 1, savedAtMs: nowMs, wakeAtMs: expiresAtMs, packed });
}
