/** What entities say to each other: packed and read back the same; anything else is refused, never thrown. Seen failing with: the flow of a contact dropped. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import {
  locateBody,
  packLocation,
  packVerify,
  packVerifyAnswer,
  packWay,
  packWayAnswer,
  unpackAorQuestion,
  unpackLocation,
  unpackVerifyAnswer,
  unpackWayAnswer,
} from '../../actors/questions.ts';
import type { Flow } from '../../src/outside.ts';

const text = fc.string({ maxLength: 20 });
const texts = fc.array(text, { maxLength: 3 });
const flow: fc.Arbitrary<Flow> = fc
  .tuple(fc.constantFrom('udp', 'tcp'), fc.nat(9), text, fc.nat(65_535), text)
  .map(([protocol, listener, address, port, connection]) => ({ protocol, listener, address, port, connection }));

function travel(body: unknown): unknown {
  return decode(encode(body));
}

test('questions and answers arrive as they were sent', () => {
  const verify = fc.record({
    method: text,
    requestUri: text,
    realm: text,
    authorization: texts,
    identity: text,
    userAgent: text,
  });
  fc.assert(
    fc.property(verify, (question) => {
      assert.deepEqual(unpackAorQuestion(travel(packVerify(question))), { ask: 'verify', ...question });
    }),
  );
  assert.deepEqual(unpackAorQuestion(travel(locateBody)), { ask: 'locate' });
  const contact = fc
    .tuple(text, fc.option(flow, { nil: undefined }), texts)
    .map(([uri, way, path]) => ({ uri, flow: way, path, account: 'sip:a@b' }));
  fc.assert(
    fc.property(fc.boolean(), fc.array(contact, { maxLength: 3 }), (known, contacts) => {
      assert.deepEqual(unpackLocation(travel(packLocation({ known, contacts })), 'sip:a@b'), { known, contacts });
    }),
  );
  fc.assert(
    fc.property(texts, text, (challenges, cause) => {
      assert.deepEqual(unpackVerifyAnswer(travel(packVerifyAnswer({ challenges, cause }))), { challenges, cause });
    }),
  );
  assert.equal(unpackVerifyAnswer(travel(packVerifyAnswer('ok'))), 'ok');
  fc.assert(
    fc.property(
      text,
      text,
      fc.oneof(flow, fc.constantFrom('same' as const, 'none' as const)),
      (connection, uri, way) => {
        assert.deepEqual(unpackAorQuestion(travel(packWay({ connection, uri }))), { ask: 'way', connection, uri });
        assert.deepEqual(unpackWayAnswer(travel(packWayAnswer(way))), way);
      },
    ),
  );
});

test('whatever else arrives is no question, and nothing breaks by it', () => {
  fc.assert(
    fc.property(fc.anything({ maxDepth: 3 }), (body) => {
      assert.doesNotThrow(() => {
        unpackAorQuestion(body);
        unpackVerifyAnswer(body);
        unpackLocation(body, '');
        unpackWayAnswer(body);
      });
    }),
    { numRuns: 1000 },
  );
  for (const body of [['ok'], ['no', ['x'], 'y'], [true, [null]], [true, [['uri']]]])
    assert.doesNotThrow(() => unpackLocation(body, ''));
});
