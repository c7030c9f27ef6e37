/**
 * The native socket beside a kernel that takes little at a time (stingy.h), and the addon with arguments and shared memory
 * that make no sense. Seen failing with: what is sent when the ring wraps written over what waits; the packet after a
 * refused one skipped; offsets and lengths of the shared memory believed.
 */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import type { Flow } from '../../../src/outside.ts';
import type { Addon } from '../../../src/io/native/addon.ts';
import { buildAddon } from '../../../src/io/native/build.ts';
import { openNativeUdp as openOne } from '../../../src/io/native/native-udp.ts';
import { SourceNames } from '../../../src/io/native/source-names.ts';
import { until } from '../until.ts';
import { stingyAddon, testAddon } from './test-addon.ts';

const address = '127.0.0.1';
const found = testAddon();
const skip = typeof found === 'string' ? found : false;
const addon = found as Addon;
const ignore = (): void => undefined;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What a test that failed left open would keep the process. */
const closers: (() => unknown)[] = [];
after(() => Promise.all(closers.map((close) => close())));

async function openNativeUdp(...parameters: Parameters<typeof openOne>): ReturnType<typeof openOne> {
  const socket = await openOne(...parameters);
  closers.push(() => socket.close());
  return socket;
}

describe('a kernel that takes little', { skip }, () => {
  test('what it took arrives once and in order, what it refused is reported, what is too much as well', async () => {
    const stingy = stingyAddon() as Addon;
    const sends = fc.record({
      size: fc.oneof({ weight: 9, arbitrary: fc.nat(1_200) }, { weight: 3, arbitrary: fc.nat(9_000) }),
      refused: fc.integer({ min: 0, max: 15 }).map((each) => each === 0),
    });
    // Turns with many packets, so that they wait, and with few, so that they leave.
    const turns = fc.array(
      fc.oneof({ weight: 3, arbitrary: fc.array(sends, { maxLength: 20 }) }, fc.array(sends, { maxLength: 2_000 })),
      { maxLength: 12, size: 'max' },
    );
    await fc.assert(
      fc.asyncProperty(turns, async (all) => {
        const arrived: number[] = [];
        const reported = new Map<number, string>();
        const server = await openNativeUdp(addon, {
          ...{ address, port: 0, listener: 0, reusePort: false, onError: (code) => assert.fail(code) },
          onMessage(bytes) {
            const number = bytes.readUInt32LE(1);
            assert.deepEqual(bytes.subarray(5), Buffer.alloc(bytes.length - 5, number));
            arrived.push(number);
          },
        });
        const client = await openNativeUdp(stingy, {
          ...{ address, port: 0, listener: 0, reusePort: false, onMessage: ignore },
          onError(code, _flow, token) {
            assert.ok(!reported.has(Number(token)), `${token} was reported before`);
            reported.set(Number(token), code);
          },
        });
        const flow: Flow = { protocol: 'udp', listener: 0, address, port: server.port, connection: '' };
        const refused = new Set<number>();
        let number = 0;
        for (const packets of all) {
          for (const packet of packets) {
            const bytes = Buffer.alloc(5 + packet.size, number);
            bytes[0] = packet.refused ? 80 : 65;
            bytes.writeUInt32LE(number, 1);
            if (packet.refused) refused.add(number);
            client.send(flow, bytes, String(number++));
          }
          await turn();
        }
        await until(() => arrived.length + reported.size >= number);
        await turn();
        assert.equal(arrived.length + reported.size, number);
        assert.deepEqual(
          arrived,
          arrived.toSorted((a, b) => a - b),
        );
        for (const [each, code] of reported)
          assert.ok(code === 'ENOBUFS' || (code === 'EPERM' && refused.has(each)), code);
        for (const each of arrived) assert.ok(!refused.has(each) && !reported.has(each));
        await Promise.all([server.close(), client.close()]);
      }),
      { numRuns: 25, interruptAfterTimeLimit: 30_000 },
    );
  });

  test('octets that wait are not written over when the arena is full', async () => {
    const stingy = stingyAddon() as Addon;
    const arrived: number[] = [];
    let wrong = 0;
    let reported = 0;
    const options = { address, port: 0, listener: 0, reusePort: false };
    const server = await openNativeUdp(addon, {
      ...options,
      onMessage(bytes) {
        arrived.push(Number.parseInt(bytes.toString('latin1', 0, 4), 16));
        if (!bytes.equals(Buffer.alloc(bytes.length, bytes.subarray(0, 4)))) wrong++;
      },
      onError: ignore,
    });
    const client = await openNativeUdp(stingy, { ...options, onMessage: ignore, onError: () => reported++ });
    const flow: Flow = { protocol: 'udp', listener: 0, address, port: server.port, connection: '' };
    let sent = 0;
    for (let wave = 0; wave < 40; wave++) {
      // More than the arena holds.
      for (let i = 0; i < 60; i++) {
        const text = Buffer.from((sent++).toString(16).padStart(4, '0'));
        client.send(flow, Buffer.alloc(20_000 + wave * 4, text), 'token');
      }
      await turn();
    }
    // The kernel may have dropped some of that, but not what comes when all is over.
    await until(() => {
      client.send(flow, Buffer.from('ffff'));
      return arrived.at(-1) === 0xffff;
    });
    assert.equal(wrong, 0);
    const numbers = arrived.filter((number) => number !== 0xffff);
    assert.deepEqual(
      numbers,
      [...new Set(numbers)].toSorted((a, b) => a - b),
    );
    assert.ok(reported > 100 && numbers.length > 100, `${reported} ${numbers.length}`);
    await Promise.all([server.close(), client.close()]);
  });

  test('what it does not take before the end is reported as given up', async () => {
    const stingy = stingyAddon() as Addon;
    const reported: string[] = [];
    let arrived = 0;
    const options = { address, port: 0, listener: 0, reusePort: false };
    const server = await openNativeUdp(addon, { ...options, onMessage: () => arrived++, onError: ignore });
    const client = await openNativeUdp(stingy, {
      ...options,
      onMessage: ignore,
      onError: (code) => reported.push(code),
    });
    const flow: Flow = { protocol: 'udp', listener: 0, address, port: server.port, connection: '' };
    for (let i = 0; i < 100; i++) client.send(flow, Buffer.from('x'), `token ${i}`);
    await client.close();
    await until(() => arrived + reported.length === 100);
    assert.deepEqual([...new Set(reported)], ['ECANCELED']);
    await server.close();
  });
});

describe('the addon believes nothing', { skip }, () => {
  const call = (name: string, ...values: unknown[]): unknown =>
    (addon as unknown as Record<string, (...values: unknown[]) => unknown>)[name]!(...values);

  test('arguments of every kind are refused', () => {
    const junk = [
      undefined,
      null,
      0,
      -1,
      1e300,
      NaN,
      '',
      'x'.repeat(1e5),
      '1.2.3.4\0',
      'fe80::1%',
      [],
      {},
      ignore,
      1n,
      Symbol('x'),
    ];
    const typed = [new Uint32Array(7), new Uint8Array(64), new Uint32Array(8), new DataView(new ArrayBuffer(32))];
    fc.assert(
      fc.property(fc.array(fc.constantFrom<unknown>(...junk, ...typed), { maxLength: 8 }), (values) => {
        const opened = call('open', ...values);
        assert.ok(typeof opened === 'number' && opened < 0);
        for (const name of ['flush', 'close']) assert.equal(call(name, ...values), 0);
        assert.equal(call('parse', ...values), false);
        assert.equal(typeof call('format', ...values), 'string');
      }),
    );
    const valid = ['127.0.0.1', false, 0, false, 0, ignore, ignore];
    for (const at of valid.keys()) {
      const opened = call('open', ...valid.map((value, index) => (index === at ? -7 : value)));
      assert.ok(typeof opened === 'number' && opened < 0, String(at));
    }
  });

  test('shared memory with anything in it sends nothing from elsewhere and ends nothing', async () => {
    const word = fc.oneof(fc.nat(70_000), fc.integer({ min: 0, max: 0xffff_ffff }), fc.constant(0xffff_ffff));
    await fc.assert(
      fc.asyncProperty(fc.array(word, { minLength: 8, maxLength: 80 }), word, async (words, tail) => {
        const counts: number[] = [];
        const socket = addon.open(address, false, 0, false, 0, ignore, (count) => counts.push(count));
        assert.ok(typeof socket !== 'number');
        closers.push(() => addon.close(socket.id));
        const shared = new Uint32Array(socket.shared);
        // Never to a real address: 0.0.0.0/8 is nobody.
        words.forEach((each, index) => (shared[addon.queue + index] = index % 8 === 3 ? 0x0100_0000 : each));
        shared[addon.tail] = tail;
        assert.ok(addon.flush(socket.id) <= addon.slots);
        shared[addon.tail] = tail;
        await turn();
        assert.ok(addon.close(socket.id) <= addon.slots);
        assert.equal(addon.flush(socket.id), 0);
        assert.equal(addon.close(socket.id), 0);
        for (const count of counts) assert.ok(count <= addon.slots);
      }),
      { numRuns: 50 },
    );
  });

  test('a slot that reaches beyond the arena is refused, and what is sound around it leaves', async () => {
    const { arenaBytes } = addon;
    const slots = [
      { offset: 0, length: 10, isSound: true },
      { offset: arenaBytes, length: 1, isSound: false },
      { offset: arenaBytes - 5, length: 6, isSound: false },
      { offset: arenaBytes - 5, length: 5, isSound: true },
      { offset: arenaBytes + 1, length: 0, isSound: false },
      { offset: 0xffff_ffff, length: 2, isSound: false },
      { offset: 2, length: 0xffff_ffff, isSound: false },
      { offset: arenaBytes, length: 0, isSound: true },
    ];
    const lengths: number[] = [];
    const server = await openNativeUdp(addon, {
      ...{ address, port: 0, listener: 0, reusePort: false, onError: ignore },
      onMessage: (bytes) => lengths.push(bytes.length),
    });
    const socket = addon.open(address, false, 0, false, 0, ignore, ignore);
    assert.ok(typeof socket !== 'number');
    closers.push(() => addon.close(socket.id));
    const shared = new Uint32Array(socket.shared);
    const words = new Uint32Array(addon.words);
    assert.ok(addon.parse(address, false, words));
    for (const [index, { offset, length }] of slots.entries())
      shared.set([offset, length, server.port, ...words.subarray(3)], addon.queue + index * addon.words);
    shared[addon.tail] = slots.length;
    const count = addon.flush(socket.id);
    const failures = [...shared.subarray(addon.failures, addon.failures + count * 2)];
    const EINVAL = 22;
    assert.deepEqual(
      failures,
      slots.flatMap(({ isSound }, index) => (isSound ? [] : [index, EINVAL])),
    );
    const wanted = slots.filter(({ isSound }) => isSound).map(({ length }) => length);
    await until(() => lengths.length === wanted.length);
    assert.deepEqual(lengths, wanted);
    addon.close(socket.id);
    await server.close();
  });

  test('addresses become words and text again', () => {
    const words = new Uint32Array(addon.words);
    for (const text of ['::', '::1', '2001:db8::1', '::ffff:192.0.2.1', 'fe80::1%lo', 'fe80::1']) {
      assert.ok(addon.parse(text, true, words), text);
      assert.equal(addon.format(words, true), text);
    }
    for (const text of ['', 'localhost', '1.2.3', '1.2.3.4.5', '01.2.3.4', '::1', '１.2.3.4'])
      assert.equal(addon.parse(text, false, words), false, text);
    assert.ok(addon.parse('192.0.2.255', false, words));
    assert.equal(addon.format(words, false), '192.0.2.255');
  });

  test('a source keeps its name when others have its place', () => {
    const names = new SourceNames(addon, false, 4);
    const words = new Uint32Array(addon.words * 2);
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 100 }), (hosts) => {
        for (const host of hosts) {
          const text = `192.0.2.${host}`;
          addon.parse(text, false, words.subarray(addon.words));
          assert.equal(names.name(words, addon.words), text);
        }
      }),
    );
  });
});

test('without a compiler, and where nothing can be written, building says why', () => {
  assert.match(buildAddon('/dev/null/addon.node'), /^(ENOTDIR|EEXIST)|it is for Linux/);
  const before = process.env['CC'];
  process.env['CC'] = '/nonexistent/cc';
  assert.match(buildAddon('/tmp/carillon-never.node'), /nonexistent|it is for Linux/);
  if (before === undefined) delete process.env['CC'];
  else process.env['CC'] = before;
});
