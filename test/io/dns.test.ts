/** The address book over a source that the test holds. Seen failing with: the negative answer not kept; waiting not shared. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressBook } from '../../src/io/dns.ts';
import type { TimedAddress } from '../../src/io/dns.ts';
import { limits } from '../../src/limits.ts';

function book() {
  const time = { ms: 0 };
  const asked: string[] = [];
  const pending: ((failed: boolean, found: readonly TimedAddress[]) => void)[] = [];
  const addresses = new AddressBook({ monotonicMs: () => time.ms, clusterMs: () => time.ms }, (name, family, done) => {
    asked.push(`${name} ${family}`);
    pending.push(done);
  });
  const look = (name: string, family: 4 | 6 = 4) => {
    const got: { answer: readonly string[] | undefined } = { answer: undefined };
    addresses.lookup(name, family, (answer) => {
      assert.equal(got.answer, undefined, 'answered twice');
      got.answer = answer;
    });
    return got;
  };
  return { time, asked, pending, addresses, look };
}

test('literals answer themselves; what is no host name answers nothing; neither asks anybody', () => {
  const { look, asked } = book();
  assert.deepEqual(look('192.0.2.1').answer, ['192.0.2.1']);
  assert.deepEqual(look('192.0.2.1', 6).answer, []);
  assert.deepEqual(look('2001:db8::1', 6).answer, ['2001:db8::1']);
  for (const bad of ['', 'a b', 'x\r\ny', '-a.test', 'a..b', `${'a'.repeat(64)}.test`, 'a.'.repeat(130)])
    assert.deepEqual(look(bad).answer, []);
  assert.deepEqual(asked, []);
});

test('one question for many who wait; kept for its time to live, failures for a short time', () => {
  const { look, asked, pending, time } = book();
  const first = look('A.example.test');
  const second = look('a.example.test.');
  assert.deepEqual(asked, ['a.example.test 4']);
  pending[0]!(false, [
    { address: '192.0.2.1', ttl: 60 },
    { address: '192.0.2.2', ttl: 30 },
  ]);
  assert.deepEqual(
    [first.answer, second.answer],
    [
      ['192.0.2.1', '192.0.2.2'],
      ['192.0.2.1', '192.0.2.2'],
    ],
  );
  time.ms = 29_999;
  assert.deepEqual(look('a.example.test').answer, ['192.0.2.1', '192.0.2.2']);
  time.ms = 30_000;
  assert.equal(look('a.example.test').answer, undefined);
  pending[1]!(true, []);
  time.ms += limits.dnsNegativeSeconds * 1_000 - 1;
  assert.deepEqual(look('a.example.test').answer, []);
  time.ms += 1;
  look('a.example.test');
  assert.equal(asked.length, 3);
});

test('the cache and the questions under way are bounded', () => {
  const { look, pending, addresses, asked } = book();
  for (let i = 0; i < limits.dnsCacheEntriesMax + 50; i++) {
    look(`n${i}.test`);
    pending[i]!(false, [{ address: '192.0.2.9', ttl: 60 }]);
  }
  assert.equal(addresses.size, limits.dnsCacheEntriesMax);
  const before = asked.length;
  for (let i = 0; i < limits.dnsLookupsOutstandingMax; i++) look(`m${i}.test`);
  assert.deepEqual(look('one-more.test').answer, []);
  assert.equal(asked.length, before + limits.dnsLookupsOutstandingMax);
});

test('the system knows localhost', async () => {
  const addresses = new AddressBook({ monotonicMs: () => 0, clusterMs: () => 0 });
  assert.deepEqual(await new Promise((resolve) => addresses.lookup('localhost', 4, resolve)), ['127.0.0.1']);
});
