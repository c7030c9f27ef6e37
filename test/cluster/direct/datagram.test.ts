/** Datagrams between workers as octets. Seen failing with: the seal over the head alone; a probe one octet too short. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  contentOf,
  directPayloadBytesMax,
  headOf,
  isGenuine,
  packEcho,
  packItem,
  packProbe,
} from '../../../cluster/direct/datagram.ts';
import { Hmac } from '../../../src/hmac.ts';
import { limits } from '../../../src/limits.ts';

const mac = new Hmac('key of all nodes');
const words = fc.integer({ min: 0, max: 0xffff_ffff });
const heads = fc.record({ to: words, from: words, sentMs: fc.maxSafeNat() });
const items = fc.record({
  partition: fc.nat(limits.partitions - 1),
  hops: fc.nat(limits.linkHopsMax),
  payload: fc.uint8Array({ maxLength: directPayloadBytesMax }),
});
const datagrams = fc.oneof(
  fc.tuple(heads, items).map(([head, item]) => packItem(head, item.partition, item.hops, item.payload, mac)),
  fc.tuple(heads, fc.maxSafeNat()).map(([head, number]) => packProbe(head, number, mac)),
  fc.tuple(heads, fc.maxSafeNat()).map(([head, number]) => packEcho(head, number, mac)),
);

describe('a datagram between workers', () => {
  it('says what was said', () => {
    fc.assert(
      fc.property(heads, items, fc.maxSafeNat(), (head, item, number) => {
        const { partition, hops, payload } = item;
        const octets = packItem(head, partition, hops, payload, mac);
        assert.ok(isGenuine(octets, mac));
        assert.deepEqual(headOf(octets), { ...head });
        assert.deepEqual(contentOf(octets), { type: 'item', partition, hops, payload: Buffer.from(payload) });
        assert.deepEqual(contentOf(packProbe(head, number, mac)), { type: 'probe', number });
        assert.deepEqual(contentOf(packEcho(head, number, mac)), { type: 'echo', number });
      }),
    );
  });

  it('is refused when a single octet is another, one is missing, or the key is', () => {
    fc.assert(
      fc.property(datagrams, fc.nat(), fc.integer({ min: 1, max: 255 }), (octets, place, change) => {
        assert.ok(isGenuine(octets, mac));
        assert.ok(!isGenuine(octets, new Hmac('key of others')));
        assert.ok(!isGenuine(octets.subarray(0, -1), mac));
        const other = Buffer.from(octets);
        other[place % other.length]! ^= change;
        assert.ok(!isGenuine(other, mac));
      }),
    );
  });

  it('is refused when it is anything else', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 1_600 }), (octets) => !isGenuine(Buffer.from(octets), mac)));
  });

  it('proves with a probe that the longest item comes through', () => {
    const head = { to: 1, from: 2, sentMs: 3 };
    const longest = packItem(head, 0, 0, new Uint8Array(directPayloadBytesMax), mac);
    assert.equal(longest.length, limits.directDatagramBytesMax);
    assert.equal(packProbe(head, 4, mac).length, longest.length);
  });
});
