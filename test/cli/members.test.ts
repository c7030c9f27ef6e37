// Several nodes from one configuration. Seen failing with: the admin port not counted up.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memberConfigs, memberId } from '../../src/cli/members.ts';
import { isProblems, parseConfig, type Config } from '../../src/config/config.ts';
import { limits } from '../../src/limits.ts';

function config(fields: object = {}): Config {
  const parsed = parseConfig({ cluster: { secret: 'x' }, domains: ['a.test'], ...fields });
  assert.ok(!isProblems(parsed));
  return parsed;
}

test('nodes are a, b, c with link and admin port + i, and share the rest', () => {
  const [a, b, c] = memberConfigs(config(), 3);
  assert.deepEqual(
    [a, b, c].map((one) => one?.node.id),
    ['a', 'b', 'c'],
  );
  assert.deepEqual(
    [a, b, c].map((one) => one?.node.link.port),
    [7000, 7001, 7002],
  );
  assert.deepEqual(
    [a, b, c].map((one) => one?.admin.listen.port),
    [8080, 8081, 8082],
  );
  assert.deepEqual(c?.listen, a?.listen);
  assert.deepEqual(c?.cluster, a?.cluster);
});

test('what is advertised for links counts on like the link itself', () => {
  const members = memberConfigs(config({ node: { advertiseLink: '127.0.0.9:7100' } }), 3);
  assert.deepEqual(
    members.map(({ node }) => node.advertiseLink?.port),
    [7100, 7101, 7102],
  );
  assert.throws(() => memberConfigs(config({ node: { advertiseLink: '127.0.0.9:65534' } }), 3), { code: 78 });
});

test('names never repeat and are names that the configuration takes', () => {
  const ids = Array.from({ length: 800 }, (_, index) => memberId(index));
  assert.equal(new Set(ids).size, ids.length);
  assert.deepEqual(
    [ids[0], ids[25], ids[26], ids[27], ids[51], ids[52], ids[702]],
    ['a', 'z', 'aa', 'ab', 'az', 'ba', 'aaa'],
  );
  for (const id of ids) config({ node: { id } });
});

test('what cannot be is refused with the right code', () => {
  for (const nodes of [0, -1, 1.5, Number.NaN, limits.nodesMax + 1]) {
    assert.throws(() => memberConfigs(config(), nodes), { code: 2 }, String(nodes));
  }
  assert.equal(memberConfigs(config(), limits.nodesMax).length, limits.nodesMax);
  const memory = config({ cluster: { secret: 'x', store: 'memory:' } });
  assert.equal(memberConfigs(memory, 1).length, 1);
  assert.throws(() => memberConfigs(memory, 2), { code: 78 });
  assert.throws(() => memberConfigs(config({ node: { link: '127.0.0.1:65534' } }), 3), { code: 78 });
});
