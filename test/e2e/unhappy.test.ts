/** What cannot be started says so in a sentence and by its exit code, and a cluster without its supervisor ends in order. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import { test, type TestContext } from 'node:test';
import { openStore } from '../../cluster/stores/open.ts';
import { carillon, type Said } from '../cli/run.ts';
import { signal, until } from './support/children.ts';
import { freeBase, startCluster } from './support/cluster.ts';
import { testFolder } from './support/report.ts';

const base = await freeBase(25_600);
const folder = testFolder('unhappy');
const file = `${folder}/carillon.json`;
const ports = { sip: base, link: base + 10, admin: base + 20 };

function config(changes: object = {}): object {
  return {
    cluster: { name: 'unhappy', store: 'sqlite:./carillon.db', secret: 'only-for-tests-on-loopback' },
    node: { link: `127.0.0.1:${ports.link}` },
    listen: [`udp:127.0.0.1:${ports.sip}`, `tcp:127.0.0.1:${ports.sip}`],
    domains: ['example.test'],
    admin: { listen: `127.0.0.1:${ports.admin}` },
    ...changes,
  };
}

function withStore(path: string): object {
  return config({ cluster: { name: 'unhappy', store: `sqlite:${path}`, secret: 'only-for-tests-on-loopback' } });
}

/** Both ways to start: what they say, which is nothing but one line. */
async function refusals(content: object | string): Promise<Said[]> {
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  const said = [
    await carillon(['start', '--config', file], { cwd: folder }),
    await carillon(['cluster', '--nodes', '2', '--config', file], { cwd: folder }),
  ];
  for (const { out, err } of said) {
    assert.equal(out, '');
    assert.equal(err.trimEnd().split('\n').length, 1, err);
  }
  return said;
}

async function refused(content: object | string, code: number, ...words: readonly (string | RegExp)[]): Promise<void> {
  for (const { code: actual, err } of await refusals(content)) {
    assert.equal(actual, code, err);
    for (const word of words) assert.match(err, typeof word === 'string' ? new RegExp(RegExp.escape(word)) : word);
  }
}

test('a configuration that is wrong: 78, with file, place and what to do', async () => {
  await refused('{ "cluster": { ,', 78, file, 'cannot be read as JSON', 'line 1 column 16');
  await refused(config({ registar: {} }), 78, file, 'registar', 'did you mean registrar?');
  await refused(config({ node: { workers: 'two' } }), 78, file, 'node.workers', 'must be a whole number, is a string');
});

test('a module of routes that cannot be used: 78, with file and reason', async () => {
  const module = `${folder}/routes.ts`;
  const cases = [
    ['', /routes\.ts cannot be loaded: .*Cannot find module/],
    ['export default {};', /must export a routing service/],
    ["throw new Error('the table of prices is missing');", /cannot be loaded: Error: the table of prices is missing/],
  ] as const;
  writeFileSync(file, JSON.stringify(config({ routes: module })));
  for (const [code, reason] of cases) {
    if (code !== '') writeFileSync(module, code);
    for (const words of [
      ['start', '--config'],
      ['cluster', '--nodes', '2', '--config'],
      ['config', 'check'],
    ]) {
      const said = await carillon([...words, file], { cwd: folder });
      assert.equal(said.code, 78, said.err);
      assert.match(said.out + said.err, reason);
    }
  }
  writeFileSync(module, 'setInterval(() => {}, 1000); export default function* () {};');
  assert.equal((await carillon(['config', 'check', file])).code, 0, 'it ends though the module goes on');
});

async function occupyTcp(t: TestContext, port: number): Promise<void> {
  const server = createServer();
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port, exclusive: true }, resolve));
}

test('an address that another program has: 69, with the address', async (t) => {
  const inUse = (port: number): RegExp => new RegExp(`127\\.0\\.0\\.1:${port} is in use by another program`);
  await t.test('SIP over UDP', async (tt) => {
    const socket = createSocket('udp4');
    tt.after(() => socket.close());
    await new Promise<void>((resolve) => socket.bind(ports.sip, '127.0.0.1', resolve));
    await refused(config(), 69, inUse(ports.sip));
  });
  for (const [name, port] of [
    ['SIP over TCP', ports.sip],
    ['link', ports.link],
    ['management', ports.admin],
  ] as const) {
    await t.test(name, async (tt) => {
      await occupyTcp(tt, port);
      await refused(config(), 69, inUse(port));
    });
  }
});

test('a store that cannot be had: 73, with the path and what to do', async () => {
  await refused(withStore('/proc/no-such-place/carillon.db'), 73, '/proc/no-such-place/carillon.db', 'Check the path');
  writeFileSync(`${folder}/letter.db`, 'Dear reader, this is no database. '.repeat(100));
  await refused(withStore('./letter.db'), 73, `${folder}/letter.db`, 'is not a SQLite database', 'move the file away');
  openStore(`sqlite:${folder}/newer.db`).close();
  const newer = new DatabaseSync(`${folder}/newer.db`);
  newer.exec('PRAGMA user_version = 99');
  newer.close();
  await refused(withStore('./newer.db'), 73, `${folder}/newer.db`, 'schema version 99', 'Start the newer Carillon');
});

test('kill -9 of the supervisor: its nodes drain and end, and leave nothing behind', { timeout: 90_000 }, async (t) => {
  const cluster = await startCluster({ nodes: 2, base: base + 100, folder: `${folder}/orphans`, users: [] });
  t.after(async () => cluster.stop());
  const pids = [...cluster.pids().values()];
  assert.equal(pids.length, 2);
  const view = await cluster.view();
  assert.deepEqual(
    view.nodes.map(({ admin }) => `http://${admin}`).toSorted(),
    cluster.admins,
    'every node tells the management addresses of all',
  );
  signal(cluster.supervisor.pid, 'SIGKILL');
  await until('the nodes end', 30_000, () => pids.every((pid) => !signal(pid, 0 as never)) || undefined);
  const store = openStore(`sqlite:${folder}/orphans/carillon.db`);
  t.after(() => store.close());
  assert.deepEqual(
    store.members().map(({ status }) => status),
    ['dead', 'dead'],
    'both have given back their leases',
  );
});
