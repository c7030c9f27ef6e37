/**
 * Items between threads: all of them, in order, bounded. Seen failing with: the worked-off octets counted with the head
 * of the batch (the sender stalled in the end), the partition written as one octet.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import fc from 'fast-check';
import type { Target } from '../../cluster/data-frame.ts';
import { BatchPort } from '../../src/io/batch-port.ts';
import { limits } from '../../src/limits.ts';
import { until } from './until.ts';

const target: fc.Arbitrary<Target> = fc.oneof(
  fc.tuple(fc.constant(0 as const), fc.nat(limits.partitions - 1), fc.nat(limits.linkHopsMax)),
  fc.tuple(fc.constant(1 as const), fc.nat(limits.workersPerNodeMax - 1)),
  fc.constant([2] as const),
);

test('items come out as they went in', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.tuple(fc.constantFrom('a', 'node-17', 'x'.repeat(64), ''), target, fc.uint8Array({ maxLength: 3_000 })),
        { maxLength: 40 },
      ),
      async (items) => {
        const { port1, port2 } = new MessageChannel();
        const got: unknown[] = [];
        const near = new BatchPort(port1, () => assert.fail());
        const far = new BatchPort(port2, (node, to, payload) => got.push([node, [...to], [...payload]]));
        for (const [node, to, payload] of items) assert(near.send(node, to, payload));
        await until(() => got.length === items.length);
        assert.deepEqual(
          got,
          items.map(([node, to, payload]) => [node, [...to], [...payload]]),
        );
        assert(near.stats.sentBatches <= 1);
        assert.equal(far.stats.receivedItems, items.length);
        near.close();
      },
    ),
    { numRuns: 30 },
  );
});

test('a receiver that falls behind is waited for, and the flow goes on for ever', async () => {
  const { port1, port2 } = new MessageChannel();
  let received = 0;
  const near = new BatchPort(port1, () => {}, { bytesMax: 100_000 });
  const far = new BatchPort(port2, (_node, _to, payload) => (received += payload.length), { bytesMax: 100_000 });
  let sent = 0;
  for (let round = 0; round < 50; round++) {
    while (near.send('a', [0, 7, 0], Buffer.alloc(900))) sent += 900;
    assert(near.heldBytes <= 100_000);
    await until(() => received === sent);
    await until(() => near.heldBytes < 50_000);
  }
  far.send('b', [2], Buffer.from('tells how much was worked off'));
  await until(() => near.stats.receivedItems === 1);
  assert.equal(near.heldBytes, 0);
  assert(near.stats.refused === 50 && sent > 2_000_000, `${sent}`);
  assert.equal(far.stats.receivedItems, near.stats.sentItems);
  near.close();
});

test('an error of the handler costs one item; a closed port refuses and tells', async () => {
  const { port1, port2 } = new MessageChannel();
  const errors: unknown[] = [];
  const got: string[] = [];
  let closed = 0;
  const near = new BatchPort(port1, () => {});
  const far = new BatchPort(
    port2,
    (_node, _to, payload) => {
      if (payload.toString() === '1') throw new Error('mine');
      got.push(payload.toString());
    },
    { onError: (error) => errors.push(error), onClose: () => closed++ },
  );
  for (const text of ['0', '1', '2']) near.send('a', [2], Buffer.from(text));
  await until(() => got.length === 2);
  assert.deepEqual([got, errors.length], [['0', '2'], 1]);
  near.send('a', [2], Buffer.from('last'));
  near.close();
  await until(() => closed === 1);
  assert.equal(got.at(-1), 'last');
  assert.equal(near.send('a', [2], Buffer.from('x')), false);
  assert.equal(far.send('a', [2], Buffer.from('x')), false);
});
