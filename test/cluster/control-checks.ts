/** What must hold in the world of control-world.ts: at every event, and after quiet time. */
import assert from 'node:assert/strict';
import { nobody } from '../../cluster/table.ts';
import type { Process, World } from './control-world.ts';

/** No partition is acted for twice, by other nodes or by two workers of this one. */
export function checkActing(world: World, process: Process): void {
  if (!process.alive || world.nowMs >= process.serveUntilMs) return;
  for (const [worker, holder] of process.workers) {
    for (const [partition, held] of holder) {
      if (held.state !== 'serving') continue;
      for (const other of world.processes.values()) {
        assert.ok(
          other === process || !world.actingFor(other, partition),
          `partition ${partition}: ${process.control.describe()} and ${other.control.describe()} both act`,
        );
      }
      for (const [otherWorker, otherHolder] of process.workers) {
        const doubled = otherWorker !== worker && otherHolder.get(partition)?.state === 'serving';
        assert.ok(!doubled, `partition ${partition} acts in two workers of ${process.id}`);
      }
    }
  }
}

/** After quiet time: everything served once, evenly, nothing under way, one view. */
export function checkSettled(world: World): void {
  const alive = [...world.processes.values()].filter((process) => process.alive);
  if (alive.length === 0) return;
  assert.deepEqual(world.unserved(), [], 'every partition is served');
  const tables = new Set(alive.map(({ control }) => `${control.table?.epoch} ${control.table?.nonce}`));
  assert.equal(tables.size, 1, `one table everywhere: ${[...tables].join(', ')}`);
  const table = alive[0]!.control.table!;
  assert.equal(table.moving.size, 0, 'nothing is under way');
  assert.deepEqual(table.nextVoters, [], 'voters are settled');
  assert.deepEqual(
    table.members.map(({ id }) => id),
    alive.map(({ id }) => id).sort(),
    'members are those alive',
  );
  const counts = alive.map((process) => {
    let count = 0;
    for (let partition = 0; partition < world.partitions; partition++) if (world.actingFor(process, partition)) count++;
    return count;
  });
  assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, `even: ${counts.join(' ')}`);
  for (let partition = 0; partition < world.partitions; partition++) {
    assert.ok(table.buddy[partition] !== table.owner[partition], 'a buddy is another node');
    assert.equal(table.buddy[partition] === nobody, alive.length === 1, 'a buddy exists when it can');
  }
}

/** Ticks before their time may be left out: some worlds leave them out, and in the others they do nothing. */
export function mayTick({ control }: Process, nowMs: number, isSparing: boolean): boolean {
  if (nowMs >= control.nextTickMs()) return true;
  if (!isSparing)
    assert.deepEqual(control.step({ type: 'tick' }, nowMs), [], 'a tick that could be left out does something');
  return false;
}
