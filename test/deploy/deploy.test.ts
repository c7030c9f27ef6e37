/**
 * What deploy/ offers fits together and fits this version: every file can be read, every configuration is fine with the
 * variables that its environment sets, ports, paths, times and the version of Node agree. No container is built here. Seen
 * failing with: a port that nobody listens on; a grace period below the drain; another Node in the Dockerfile.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';
import { checkConfigFile } from '../../src/cli/config-file.ts';
import { isProblems, type Config } from '../../src/config/config.ts';
import { missing } from '../e2e/support/tools.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const secrets = { CARILLON_SECRET: 'x'.repeat(32), CARILLON_TOKEN: 'y'.repeat(32) };

type Tree = { readonly [key: string]: unknown };

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** The value at a path of names and numbers, which must be there. */
function at(tree: unknown, ...path: readonly (string | number)[]): unknown {
  let value = tree;
  for (const step of path) value = Reflect.get(Object(value), step);
  assert.notEqual(value, undefined, path.join('.'));
  return value;
}

async function checked(file: string, environment: Readonly<Record<string, string>>): Promise<Config> {
  const config = await checkConfigFile(file, environment);
  assert.ok(!isProblems(config), `${file}: ${JSON.stringify(config)}`);
  return config;
}

/** Variables that a configuration asks for. */
function variablesOf(text: string): string[] {
  return [...text.matchAll(/"env:([A-Z_]+)"/g)].map(([, name]) => name ?? '').toSorted();
}

function seconds(text: unknown): number {
  const found = /^(\d+)s$/.exec(String(text));
  assert.ok(found !== null, String(text));
  return Number(found[1]);
}

test('Dockerfile: the Node of package.json, every file that it copies, no more variables than compose sets', () => {
  const dockerfile = read('deploy/docker/Dockerfile');
  const pinned: unknown = at(JSON.parse(read('package.json')), 'dependencies', 'node');
  const bases = [...dockerfile.matchAll(/^FROM node:(\S+?)-/gm)].map(([, version]) => version);
  assert.deepEqual(bases, [pinned, pinned]);
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, names]) =>
    (names ?? '').split(' '),
  );
  assert.ok(copied.length > 5);
  const shown = new Set(
    read('.dockerignore')
      .split('\n')
      .map((line) => line.replace(/^!/, '')),
  );
  for (const name of copied) {
    assert.ok(shown.has(name), `${name} is hidden by .dockerignore`);
    execFileSync('test', ['-e', join(root, name)]);
  }
  assert.match(dockerfile, /^USER node$/m);
  assert.match(dockerfile, /^ENTRYPOINT \["\/usr\/bin\/tini", "--", "node", "src\/main\.ts"\]$/m);
});

test('compose: each node has a configuration that is fine, ports that it listens on, and time to drain', async () => {
  const compose: unknown = parse(read('deploy/docker/compose.yaml'), { merge: true });
  const file = join(root, 'deploy/docker/carillon.json');
  const seen = new Set<string>();
  for (const name of ['a', 'b', 'c']) {
    const service = at(compose, 'services', name);
    const environment = {
      ...(at(service, 'environment') as Record<string, string>),
      CARILLON_DOMAIN: 'example.test',
      ...secrets,
    };
    assert.deepEqual(Object.keys(environment).toSorted(), variablesOf(readFileSync(file, 'utf8')));
    const config = await checked(file, environment);
    const address = at(service, 'networks', 'sip', 'ipv4_address');
    assert.deepEqual([config.node.id, config.node.link.host], [name, address]);
    for (const { host } of config.listen) assert.equal(host, address);
    const inside = [
      ...config.listen.map(({ protocol, port }) => `${port}/${protocol}`),
      `${config.admin.listen.port}/tcp`,
    ];
    const published = at(service, 'ports') as string[];
    assert.deepEqual(published.map((each) => each.split(':')[2] ?? '').toSorted(), inside.toSorted());
    for (const each of published) assert.ok(!seen.has(each), each);
    for (const each of published) seen.add(each);
    assert.ok(seconds(at(service, 'stop_grace_period')) > config.drain.connectionsSeconds);
    assert.ok(config.cluster.store.startsWith('redis://redis:'));
  }
});

test('Kubernetes: the objects know each other, the configuration is fine, probes and times fit', async (t) => {
  const objects = parseAllDocuments(read('deploy/kubernetes/carillon.yaml')).map((document) => {
    assert.deepEqual(document.errors, []);
    return document.toJS() as Tree;
  });
  const find = (kind: string, name = 'carillon'): Tree => {
    const found = objects.find((each) => each['kind'] === kind && at(each, 'metadata', 'name') === name);
    assert.ok(found !== undefined, `${kind} ${name}`);
    return found;
  };
  const set = find('StatefulSet');
  assert.equal(at(find('Service', String(at(set, 'spec', 'serviceName'))), 'spec', 'clusterIP'), 'None');
  const pod = at(set, 'spec', 'template', 'spec');
  const container = at(pod, 'containers', 0);
  const ports = at(container, 'ports') as Tree[];

  // The environment as the kubelet would make it.
  const environment: Record<string, string> = { ...(at(find('Secret'), 'stringData') as Record<string, string>) };
  for (const variable of at(container, 'env') as Tree[]) {
    const field = Reflect.get(Object(Reflect.get(Object(variable['valueFrom']), 'fieldRef')), 'fieldPath');
    const given = field === 'metadata.name' ? 'carillon-0' : field === 'status.podIP' ? '10.1.2.3' : variable['value'];
    environment[String(variable['name'])] = String(given).replace(
      /\$\((\w+)\)/g,
      (_, name: string) => environment[name] ?? '?',
    );
  }
  const text = String(at(find('ConfigMap'), 'data', 'carillon.json'));
  for (const name of variablesOf(text)) assert.ok(name in environment, name);
  const folder = mkdtempSync(join(tmpdir(), 'carillon-deploy-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(`${folder}/carillon.json`, text);
  const config = await checked(`${folder}/carillon.json`, environment);

  const portOf = (name: unknown): unknown => ports.find((each) => each['name'] === name)?.['containerPort'];
  assert.deepEqual(
    [portOf('link'), portOf('admin'), portOf('sip-udp'), portOf('sip-tcp')],
    [config.node.link.port, config.admin.listen.port, ...config.listen.map(({ port }) => port)],
  );
  for (const service of [find('Service'), find('Service', 'carillon-nodes')])
    for (const each of at(service, 'spec', 'ports') as Tree[]) assert.equal(portOf(each['targetPort']), each['port']);
  assert.equal(at(container, 'readinessProbe', 'httpGet', 'path'), '/readyz');
  assert.equal(at(container, 'livenessProbe', 'httpGet', 'path'), '/healthz');
  assert.ok(Number(at(pod, 'terminationGracePeriodSeconds')) > config.drain.connectionsSeconds + 30);
  const labels = at(set, 'spec', 'template', 'metadata', 'labels');
  for (const selector of [
    at(set, 'spec', 'selector', 'matchLabels'),
    at(find('PodDisruptionBudget'), 'spec', 'selector', 'matchLabels'),
    at(find('Service'), 'spec', 'selector'),
  ])
    assert.deepEqual(selector, labels);
  // What preStop runs is JavaScript.
  const [command, option, script] = at(container, 'lifecycle', 'preStop', 'exec', 'command') as string[];
  assert.deepEqual([command, option], ['node', '-e']);
  execFileSync(process.execPath, ['--check', '-'], { input: script ?? '' });
});

test('systemd: the configuration is fine, the times fit, and systemd has nothing against the unit', async (t) => {
  const unit = read('deploy/systemd/carillon.service');
  const value = (key: string): string => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1] ?? '';
  const environment = { ...secrets, CARILLON_STORE: 'redis://10.0.0.5:6379/0' };
  const config = await checked(join(root, 'deploy/systemd/carillon.json'), environment);
  assert.ok(Number(value('TimeoutStopSec')) > config.drain.connectionsSeconds + 30);
  assert.match(value('ExecStart'), / src\/main\.ts start --config \/etc\/carillon\/carillon\.json$/);
  assert.equal(value('Type'), 'exec');
  if (missing('systemd-analyze') !== false) return;
  const folder = mkdtempSync(join(tmpdir(), 'carillon-unit-'));
  t.after(() => rmSync(folder, { recursive: true }));
  // With a Node that is here, or it finds no executable.
  const here = unit.replaceAll('/opt/carillon/node_modules/node/bin/node', process.execPath);
  writeFileSync(`${folder}/carillon.service`, here);
  execFileSync('systemd-analyze', ['verify', `${folder}/carillon.service`], { stdio: 'pipe' });
});

test('each program in front reads the file that is meant for it', (t) => {
  const programs: [program: string, args: string[]][] = [
    ['haproxy', ['-c', '-f', 'deploy/haproxy/haproxy.cfg']],
    ['bird', ['-p', '-c', 'deploy/bird/bird.conf']],
    ['sh', ['-n', 'deploy/bird/carillon-route']],
    ['keepalived', ['-t', '-f', 'deploy/ipvs/keepalived.conf']],
    ['keepalived', ['-t', '-f', 'deploy/keepalived/keepalived.conf']],
  ];
  for (const [program, args] of programs) {
    if (missing(program) !== false) {
      t.diagnostic(`${program} is not installed`);
      continue;
    }
    try {
      execFileSync(program, args, { cwd: root, stdio: 'pipe' });
    } catch (error) {
      const said = ['stdout', 'stderr'].map((name) => String(Reflect.get(Object(error), name))).join('');
      // keepalived 2.2.7 ends itself by a signal after it has read an instance of VRRP; what it minds it says before.
      assert.ok(program === 'keepalived' && !/Line \d+\)/.test(said), `${args.join(' ')}: ${said}`);
    }
  }
});
