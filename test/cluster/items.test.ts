/** What travels between threads besides envelopes: packets for connections, and who wants to know that one did not leave. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { tokenOf, undeliveredEnvelope } from '../../cluster/origin.ts';
import { holderOf, packTransmit, unpackTransmit } from '../../cluster/transmit.ts';
import type { Flow } from '../../src/outside.ts';

const flows: fc.Arbitrary<Flow> = fc.record({
  protocol: fc.constantFrom('udp', 'tcp'),
  listener: fc.nat(31),
  address: fc.constantFrom('127.0.0.1', '2001:db8::1'),
  port: fc.nat(65_535),
  connection: fc.constantFrom('', 'a/0/17'),
});
/** A Call-ID or address-of-record: any octets but line ends and spaces. */
const keys = fc.string({
  unit: fc.integer({ min: 0x21, max: 0xff }).map((code) => String.fromCharCode(code)),
  minLength: 1,
  maxLength: 60,
});

describe('a packet for a connection elsewhere', () => {
  it('comes out as it went in', () => {
    fc.assert(
      fc.property(flows, fc.uint8Array({ maxLength: 200 }), fc.string(), (flow, bytes, token) => {
        const octets = Buffer.from(packTransmit({ flow, bytes, token }));
        const back = unpackTransmit(octets);
        // The memory of a link or a batch is used again.
        octets.fill(0xee);
        assert.deepEqual(
          { ...back, bytes: Buffer.from(back?.bytes ?? []) },
          { flow: { ...flow }, bytes: Buffer.from(bytes), token },
        );
      }),
    );
  });

  it('is nothing when it is damaged', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const back = unpackTransmit(bytes);
        assert.ok(back === undefined || back.bytes instanceof Uint8Array);
      }),
    );
    assert.equal(unpackTransmit(Buffer.of(0xc0)), undefined);
  });

  it('names the thread that holds the connection', () => {
    assert.deepEqual(holderOf('node-1/3/99'), { node: 'node-1', worker: 3 });
    assert.equal(holderOf(''), undefined);
  });
});

describe('the origin of a packet', () => {
  it('is found again from the token, whatever the key looks like', () => {
    fc.assert(
      fc.property(
        fc.nat(4_095),
        fc.constantFrom('call' as const, 'aor' as const),
        keys,
        fc.string(),
        (partition, kind, key, token) => {
          const news = undeliveredEnvelope(tokenOf({ partition, kind, key, token }));
          assert.deepEqual(news, { partition, envelope: { to: { kind, key }, type: 'undelivered', token } });
        },
      ),
    );
  });

  it('is nobody when the token is not one of ours', () => {
    assert.equal(undeliveredEnvelope('x'), undefined);
    assert.equal(undeliveredEnvelope(''), undefined);
  });
});
