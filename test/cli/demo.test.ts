// The configuration of `npm start`. Seen failing with: a new secret at every start.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { demoConfig, demoText } from '../../src/cli/demo.ts';
import { memberConfigs } from '../../src/cli/members.ts';
import { isLoopback } from '../../src/config/address.ts';
import { unserved } from '../../src/config/unserved.ts';

const folder = mkdtempSync(join(tmpdir(), 'carillon-demo-'));
after(() => rmSync(folder, { recursive: true }));

test('the demo keeps its secret, opens nothing to the network, and uses only what is served', () => {
  const config = demoConfig(join(folder, 'data'));
  assert.equal(demoConfig(join(folder, 'data')).cluster.secret, config.cluster.secret);
  assert.equal(config.cluster.secret.length, 64);
  assert.equal(statSync(join(folder, 'data/demo.secret')).mode & 0o777, 0o600);
  assert.ok([...config.listen, config.admin.listen, config.node.link].every(({ host }) => isLoopback(host)));
  assert.equal(config.authenticate, true);
  assert.equal(config.users.length, 20);
  assert.deepEqual(unserved(config), []);
});

test('the text names every node with its process', () => {
  const configs = memberConfigs(demoConfig(join(folder, 'data')), 3);
  const text = demoText(
    configs,
    new Map([
      ['a', 11],
      ['b', 22],
      ['c', 33],
    ]),
  );
  assert.match(text, /udp:127\.0\.0\.1:5060 {2}tcp:127\.0\.0\.1:5060/);
  for (const line of ['a  http://127.0.0.1:8080  process 11', 'c  http://127.0.0.1:8082  process 33', 'kill -9 33'])
    assert.ok(text.includes(line), line);
});

test('a folder that cannot be made is told with exit code 73', () => {
  writeFileSync(join(folder, 'file'), '');
  assert.throws(() => demoConfig(join(folder, 'file')), { code: 73, message: /cannot be written/ });
});
