// The command line as people meet it: help, wrong use, configuration checks, and the guard against an old Node.
// Seen failing with: config check ending with 0 in spite of problems.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Command } from 'commander';
import { buildProgram } from '../../src/cli/program.ts';
import { carillon } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'carillon-program-'));
after(() => rmSync(folder, { recursive: true }));

function write(name: string, value: object): string {
  const file = join(folder, name);
  writeFileSync(file, JSON.stringify(value));
  return file;
}

test('help shows commands, examples and every exit code', async () => {
  const said = await carillon(['--help']);
  assert.equal(said.code, 0);
  assert.match(said.out, /Examples:\n {2}carillon cluster --nodes 3[\s\S]*Exit codes:\n {2}0 +done/);
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  assert.equal((await carillon(['--version'])).out, `${version}\n`);
});

test('what was compiled once is not compiled again', async () => {
  const env = { NODE_V8_COVERAGE: '', NODE_DEBUG_NATIVE: 'COMPILE_CACHE' };
  await carillon(['--version'], { env });
  const { code, err } = await carillon(['--version'], { env });
  assert.equal(code, 0);
  assert.match(err, /cache for ESM [^\n]*program\.ts was accepted/);
});

test('every command and option says what it is for', () => {
  const visit = (command: Command): void => {
    assert.notEqual(command.description(), '', command.name());
    for (const option of command.options)
      assert.ok(option.hidden || option.description !== '', `${command.name()} ${option.long}`);
    command.commands.forEach(visit);
  };
  visit(buildProgram());
});

test('wrong use is code 2 with a hint', async () => {
  const wrong = await carillon(['strat']);
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /unknown command 'strat'\n\(Did you mean start\?\)/);
  assert.equal((await carillon(['start'])).code, 2);
  assert.equal((await carillon(['start', '--nonsense'])).code, 2);
  assert.equal((await carillon(['cluster', '--nodes', 'many'], { cwd: folder })).code, 2);
});

test('config check names file, field and remedy, with code 78, and is quiet about what is fine', async () => {
  const good = write('good.json', { cluster: { secret: 'x' }, domains: ['a.test'] });
  assert.deepEqual(await carillon(['config', 'check', good]), { code: 0, out: `${good}: fine\n`, err: '' });
  const bad = write('bad.json', { cluster: { secret: 'x' }, domain: ['a.test'], domains: ['a.test'] });
  const said = await carillon(['config', 'check', bad]);
  assert.deepEqual(said, { code: 78, out: '', err: `${bad}: domain: is not a known field; did you mean domains?\n` });
  const json = JSON.parse((await carillon(['config', 'check', '--json', bad])).out);
  assert.deepEqual(json.problems, [{ path: 'domain', sentence: 'is not a known field; did you mean domains?' }]);
  assert.equal((await carillon(['start', '--config', bad])).code, 78);
  assert.equal((await carillon(['cluster', '--config', join(folder, 'none.json')])).code, 78);
});

test('a taken port and a store that cannot be made end a cluster before it starts', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo;
  const fields = { domains: ['a.test'], listen: ['udp:127.0.0.1:21890'], node: { link: '127.0.0.1:21891' } };
  const taken = write('taken.json', { ...fields, cluster: { secret: 'x' }, admin: { listen: `127.0.0.1:${port}` } });
  const said = await carillon(['cluster', '--nodes', '1', '--config', taken]);
  server.close();
  assert.equal(said.code, 69);
  assert.equal(said.err, `127.0.0.1:${port} is in use by another program: stop that one or choose another address\n`);
  const noStore = write('store.json', {
    ...fields,
    cluster: { secret: 'x', store: `sqlite:${join(folder, 'good.json/x.db')}` },
    admin: { listen: '127.0.0.1:21892' },
  });
  const refused = await carillon(['cluster', '--nodes', '1', '--config', noStore]);
  assert.equal(refused.code, 73, refused.err);
  assert.equal(refused.err.trimEnd().split('\n').length, 1, refused.err);
});
