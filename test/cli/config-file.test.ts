// Files of all three kinds, `env:` values and relative paths. Seen failing with: paths resolved against the working
// directory; an empty variable accepted.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { checkConfigFile, loadConfig } from '../../src/cli/config-file.ts';
import { isProblems } from '../../src/config/config.ts';

const folder = mkdtempSync(join(tmpdir(), 'carillon-config-'));
after(() => rmSync(folder, { recursive: true }));

let count = 0;
function write(ending: string, text: string): string {
  count += 1;
  const file = join(folder, `f${count}${ending}`);
  writeFileSync(file, text);
  return file;
}

const environment = { SECRET: 'from-environment', EMPTY: '' };
const smallest = { cluster: { secret: 'env:SECRET', store: 'sqlite:./data/x.db' }, domains: ['a.test'] };

async function refused(file: string): Promise<string> {
  const checked = await checkConfigFile(file, environment);
  assert.ok(isProblems(checked), 'accepted');
  return checked.map(({ path, sentence }) => `${path}: ${sentence}`).join('\n');
}

test('json, yaml and ts say the same', async () => {
  const files = [
    write('.json', JSON.stringify(smallest)),
    write('.yaml', 'cluster:\n  secret: env:SECRET\n  store: sqlite:./data/x.db\ndomains: [a.test]\n'),
    write('.ts', `export const config: object = ${JSON.stringify(smallest)};`),
    write('.ts', `export default ${JSON.stringify(smallest)};`),
  ];
  for (const file of files) {
    const config = await loadConfig(file, environment);
    assert.equal(config.cluster.secret, 'from-environment');
    assert.equal(config.cluster.store, `sqlite:${join(folder, 'data/x.db')}`);
    assert.ok(Object.isFrozen(config));
  }
});

test('relative paths start at the file, absolute ones stay', async () => {
  const file = write(
    '.json',
    JSON.stringify({
      ...smallest,
      listen: ['tls:127.0.0.1:5061'],
      tls: { cert: 'c.pem', key: '/etc/k.pem' },
      node: { linkTls: { cert: 'n.pem', key: '/etc/n.pem', ca: 'ca.pem' } },
      routes: './r.ts',
    }),
  );
  const config = await loadConfig(file, environment);
  assert.deepEqual(config.tls, { cert: join(folder, 'c.pem'), key: '/etc/k.pem' });
  assert.deepEqual(config.node.linkTls, { cert: join(folder, 'n.pem'), key: '/etc/n.pem', ca: join(folder, 'ca.pem') });
  assert.equal(config.routes, join(folder, 'r.ts'));
  const byDefault = await loadConfig(write('.json', '{"cluster":{"secret":"x"},"domains":["a.test"]}'), environment);
  assert.equal(byDefault.cluster.store, `sqlite:${join(folder, 'data/carillon.db')}`);
});

test('a variable that is not set is named with its place', async () => {
  for (const name of ['MISSING', 'EMPTY', '__proto__', 'constructor']) {
    const said = await refused(
      write('.json', JSON.stringify({ ...smallest, users: [{ aor: 'sip:1@a.test', password: `env:${name}` }] })),
    );
    assert.equal(said, `users[0].password: the environment variable ${name} is not set`);
  }
});

test('files that cannot be read are one sentence', async () => {
  assert.match(await refused(join(folder, 'none.json')), /there is no such file/);
  assert.match(await refused(join(folder, 'none.ts')), /there is no such file/);
  assert.match(await refused(folder), /has no known ending/);
  assert.match(await refused(write('.toml', '')), /has no known ending/);
  assert.match(await refused(write('.json', '{"a":')), /cannot be read as JSON/);
  assert.match(await refused(write('.yaml', 'a: [1')), /./);
  assert.match(await refused(write('.yaml', 'a: 1\na: 2')), /unique/);
  assert.match(await refused(write('.ts', 'export const other = 1;')), /exports no configuration/);
  assert.match(await refused(write('.ts', 'const = ;')), /cannot be read as JSON or TypeScript/);
  assert.match(await refused(write('.json', '')), /cannot be read/);
  assert.match(await refused(write('.yaml', '')), /must be an object/);
  assert.match(await refused(write('.json', '[]')), /must be an object, is a list/);
});

test('a YAML file that grows without end is refused', async () => {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 12; i += 1)
    lines.push(`a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(', ')}]`);
  assert.match(await refused(write('.yaml', lines.join('\n'))), /alias/i);
});

test('loadConfig throws all problems at once with exit code 78', async () => {
  const file = write('.json', JSON.stringify({ ...smallest, lisetn: 1, domains: [] }));
  await assert.rejects(loadConfig(file, environment), (error: Error & { code?: number }) => {
    assert.equal(error.code, 78);
    assert.deepEqual(
      error.message.split('\n').map((line) => line.startsWith(`${file}: `)),
      [true, true],
    );
    return true;
  });
});
