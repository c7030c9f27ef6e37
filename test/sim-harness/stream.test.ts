/**
 * Streams of the simulator: what is written arrives once and in order however it is cut, a reader that does not look stops
 * the writer, and each way to end is told to those who would be told. Seen failing with: the newest chunk given out first;
 * the window not given back when the reader has read.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Kernel, Owner } from '../../sim/kernel.ts';
import { Chance } from '../../sim/random.ts';
import { Streams } from '../../sim/stream.ts';
import type { SimSocket, StreamManners, StreamPath } from '../../sim/stream.ts';

interface Pair {
  readonly kernel: Kernel;
  readonly near: SimSocket;
  readonly far: () => SimSocket | undefined;
  readonly heard: string[];
  readonly events: string[];
  readonly owners: readonly [Owner, Owner];
}

function connect(seed: number, manners: Partial<StreamManners>, path: Partial<StreamPath> = {}): Pair {
  const kernel = new Kernel();
  const random = new Chance(seed).stream('test');
  const streams = new Streams(kernel, random);
  const owners = [new Owner('near'), new Owner('far')] as const;
  const heard: string[] = [];
  const events: string[] = [];
  let far: SimSocket | undefined;
  const way = { latencyMs: () => random.between(1, 30), ...path };
  const near = streams.connect(
    owners[0],
    { address: '192.0.2.1', port: 1 },
    { address: '192.0.2.2', port: 2 },
    { grain: 'whole', readsWithinMs: 0, windowBytes: 65_536, ...manners },
    way,
    way,
    () => ({
      owner: owners[1],
      accept: (socket) => {
        far = socket;
        socket.on('data', (chunk: Buffer) => heard.push(chunk.toString('latin1')));
        for (const name of ['end', 'error', 'close']) socket.on(name, () => events.push(`far ${name}`));
      },
    }),
  );
  for (const name of ['connect', 'end', 'error', 'close', 'drain']) near.on(name, () => events.push(`near ${name}`));
  return { kernel, near, far: () => far, heard, events, owners };
}

const manners = fc.record({
  grain: fc.constantFrom<StreamManners['grain']>('whole', 'pieces', 'octets'),
  readsWithinMs: fc.constantFrom(0, 40),
  windowBytes: fc.constantFrom(7, 300, 65_536),
});

test('octets arrive once and in order, also around a time when nothing passes', () => {
  fc.assert(
    fc.property(fc.nat(), manners, fc.array(fc.string({ maxLength: 200 }), { maxLength: 12 }), (seed, how, texts) => {
      let isBlocked = false;
      const { kernel, near, heard, events } = connect(seed, how, { isBlocked: () => isBlocked });
      kernel.run(100);
      for (const [index, text] of texts.entries())
        kernel.at(index * 10, undefined, () => near.write(Buffer.from(text, 'latin1')));
      kernel.at(35, undefined, () => (isBlocked = true));
      kernel.at(400, undefined, () => (isBlocked = false));
      kernel.at(500, undefined, () => near.end());
      kernel.run(400_000);
      assert.equal(heard.join(''), texts.map((text) => Buffer.from(text, 'latin1').toString('latin1')).join(''));
      assert.deepEqual(
        events.filter((event) => event !== 'near drain'),
        ['near connect', 'far end', 'far close', 'near end', 'near close'],
      );
    }),
    { numRuns: 60 },
  );
});

test('a reader that does not look stops the writer', () => {
  const { kernel, near, far, heard, owners, events } = connect(1, { windowBytes: 1_000 });
  kernel.run(100);
  owners[1].pause();
  let taken = false;
  near.write(Buffer.alloc(5_000, 'x'), () => (taken = true));
  kernel.run(5_000);
  assert.equal(near.writableLength, 4_000);
  assert.equal(taken, false);
  kernel.resume(owners[1]);
  kernel.run(10_000);
  assert.equal(near.writableLength, 0);
  assert.equal(heard.join('').length, 5_000);
  assert.ok(taken && events.includes('near drain') && far()?.destroyed === false);
});

test('each end is told as it would be', () => {
  const reset = connect(2, {});
  reset.kernel.run(100);
  reset.near.resets();
  reset.kernel.run(1_000);
  assert.deepEqual(reset.events, ['near connect', 'near error', 'near close', 'far error', 'far close']);
  assert.ok(reset.far()!.lostAtMs > 0);

  const silent = connect(3, {});
  silent.kernel.run(100);
  silent.near.fallsSilent();
  silent.near.write(Buffer.from('x'));
  silent.kernel.run(10_000);
  assert.deepEqual([silent.events, silent.heard], [['near connect'], []]);
  silent.kernel.run(100_000);
  assert.ok(silent.events.includes('near error') && silent.events.includes('far error'));

  const halfOpen = connect(4, {});
  halfOpen.kernel.run(100);
  halfOpen.owners[1].die();
  halfOpen.far()!.vanishes();
  halfOpen.kernel.run(50_000);
  assert.deepEqual(halfOpen.events, ['near connect']);
  halfOpen.near.write(Buffer.from('x'));
  halfOpen.kernel.run(60_000);
  assert.deepEqual(halfOpen.events, ['near connect', 'near error', 'near close']);
});
