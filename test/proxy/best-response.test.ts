/** The best response of RFC 3261 16.7 step 6. Seen failing with: 6xx ranked behind 4xx; a 503 before other 5xx. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bestOf, otherChallenges, upstreamStatus } from '../../src/proxy/best-response.ts';
import { message } from './request.ts';

const status = fc.oneof(
  fc.integer({ min: 200, max: 699 }),
  fc.constantFrom(401, 407, 408, 486, 487, 500, 503, 504, 603),
);
const finals = fc.array(status, { minLength: 1, maxLength: 6 });
const helpful = new Set([401, 407, 415, 420, 484]);

function best(statuses: readonly number[]): number {
  return statuses[bestOf(statuses.map((status) => ({ status })))] ?? 0;
}

test('a 6xx if there is one, else the lowest class, and in 4xx what helps to ask better', () => {
  fc.assert(
    fc.property(finals, (statuses) => {
      const chosen = best(statuses);
      if (statuses.some((status) => status >= 600)) assert.ok(chosen >= 600);
      else assert.equal(Math.floor(chosen / 100), Math.min(...statuses.map((status) => Math.floor(status / 100))));
      if (chosen < 500 && chosen >= 400 && statuses.some((status) => helpful.has(status)))
        assert.ok(helpful.has(chosen));
      if (chosen === 503) assert.ok(statuses.every((status) => status === 503 || status < 500 || status >= 600));
    }),
    { numRuns: 1000 },
  );
});

test('the choice does not depend on the order, the first of equals stays, nothing of nothing', () => {
  fc.assert(
    fc.property(finals, (statuses) => {
      const chosen = best(statuses);
      const again = best(statuses.toReversed());
      const both = [chosen, again].map((status) => ({ status }));
      // Equals may be different statuses; put side by side, neither beats the other.
      assert.equal(bestOf(both), 0);
      assert.equal(bestOf(both.toReversed()), 0);
    }),
    { numRuns: 1000 },
  );
  assert.equal(bestOf([]), -1);
});

test('16.7 step 6: a 503 goes no further', () => {
  assert.equal(upstreamStatus(503), 500);
  assert.equal(upstreamStatus(486), 486);
});

function refusal(status: number, lines: readonly string[]): ReturnType<typeof message> {
  return message(
    [
      `SIP/2.0 ${status} No`,
      'Via: SIP/2.0/UDP a;branch=z9hG4bKx',
      'From: <sip:a@b>;tag=1',
      'To: <sip:c@d>;tag=2',
      'Call-ID: c',
      'CSeq: 1 INVITE',
      ...lines,
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n'),
  );
}

test('16.7 step 7: all other challenges, each unchanged, none twice', () => {
  const given = [
    refusal(407, ['Proxy-Authenticate: Digest realm="one, two", nonce="1"']),
    refusal(401, ['WWW-Authenticate: Digest realm="b", nonce="2"', 'WWW-Authenticate: Digest realm="c", nonce="3"']),
    refusal(486, ['WWW-Authenticate: Digest realm="no", nonce="4"']),
  ];
  assert.deepEqual(otherChallenges(given, 0), [
    ['WWW-Authenticate', 'Digest realm="b", nonce="2"'],
    ['WWW-Authenticate', 'Digest realm="c", nonce="3"'],
  ]);
  assert.deepEqual(otherChallenges(given, 1), [['Proxy-Authenticate', 'Digest realm="one, two", nonce="1"']]);
  assert.deepEqual(otherChallenges(given, 2), []);
});
