// The twin of the simulator: three real nodes, phones with sockets, faults of a seed, and the simulator's checkers.
// Longer ones: docs/HACKING.md.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { test } from 'node:test';
import { drawReal } from '../../sim/real/options.ts';
import { playReal } from '../../sim/real/run.ts';

test('nodes are killed, stopped and cut off from each other while phones call; no invariant is broken', async (t) => {
  const options = drawReal(106, {
    faultSeconds: 5,
    kinds: ['crash', 'pause', 'cut'],
    store: 'sqlite',
    short: true,
    sippPerSecond: 3,
  });
  const result = await playReal(options, { mutant: '', say: () => undefined });
  const { calls, answered, datagrams, faults, moved, sipp } = result;
  t.diagnostic(
    `${calls} calls, ${answered} answered, ${moved} moved, SIPp ${sipp.ok} of ${sipp.created}, ${datagrams} datagrams, ${JSON.stringify(faults)}`,
  );
  assert.equal(
    result.violation,
    undefined,
    `${result.violation?.checker}: ${result.violation?.message}\n${result.ladder.join('\n')}\n${result.folder}`,
  );
  assert.equal(result.lost, 0);
  assert.ok(calls > 20 && answered > 5 && datagrams > 300, 'there was something to judge');
});

test('the nodes run with a mistake in them, and a checker of the simulator sees it in what phones got', async () => {
  const options = drawReal(8, { faultSeconds: 3, kinds: [], store: 'sqlite', short: true, sippPerSecond: 0 });
  const result = await playReal(options, { mutant: 'Max-Forwards is written anew', say: () => undefined });
  assert.equal(result.violation?.checker, 'dialog-stable', result.violation?.message ?? 'nothing was seen');
  assert.ok(result.ladder.length > 3);
  rmSync(result.folder, { recursive: true });
});
