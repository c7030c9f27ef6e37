/**
 * Two hosts with a node each behind a virtual IP that keepalived moves (deploy/keepalived/keepalived.conf), in network
 * namespaces. Clients and the store are on a third host, where the test itself runs.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ConfigInput } from '../../../src/config/schema.ts';
import { signal, start, until, type Child } from './children.ts';
import { domain, type TestUser } from './users.ts';

export const vip = '10.79.0.10';
export const clientAddress = '10.79.0.200';
const cables = new Map([
  ['clients', clientAddress],
  ['one', '10.79.0.11'],
  ['two', '10.79.0.12'],
]);
const prefix = `vip${process.env['CARILLON_VIP'] ?? process.pid}-`;
const main = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
const example = new URL('../../../deploy/keepalived/keepalived.conf', import.meta.url);

export type Host = 'one' | 'two';

/** The hosts and the bridge between them. The name of the namespaces goes on to the process inside. */
export function makeHosts(): void {
  ip('netns', 'add', `${prefix}net`);
  ip('-n', `${prefix}net`, 'link', 'add', 'br0', 'type', 'bridge');
  ip('-n', `${prefix}net`, 'link', 'set', 'br0', 'up');
  for (const [name, address] of cables) {
    const host = prefix + name;
    ip('netns', 'add', host);
    ip('-n', host, 'link', 'set', 'lo', 'up');
    ip('-n', host, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', `v-${name}`, 'netns', `${prefix}net`);
    ip('-n', `${prefix}net`, 'link', 'set', `v-${name}`, 'master', 'br0', 'up');
    ip('-n', host, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
    ip('-n', host, 'link', 'set', 'eth0', 'up');
    if (name === 'clients') continue;
    // Any node sends from the virtual IP, so every host has it; the one that keepalived chose answers for it (docs/fronts.md).
    ip('-n', host, 'addr', 'add', `${vip}/32`, 'dev', 'lo');
    ip('netns', 'exec', host, 'sysctl', '-qw', 'net.ipv4.conf.all.arp_ignore=1', 'net.ipv4.conf.all.arp_announce=2');
  }
}

export function removeHosts(): void {
  for (const name of [...cables.keys(), 'net']) {
    try {
      ip('netns', 'del', prefix + name);
    } catch {
      // It was not there.
    }
  }
}

/** Runs this file's process once more, on the host of the clients. */
export function onClients(...words: readonly string[]): void {
  execFileSync('ip', ['netns', 'exec', `${prefix}clients`, process.execPath, ...words], {
    stdio: 'inherit',
    env: { ...process.env, CARILLON_VIP: String(process.pid) },
  });
}

export class VipHost {
  readonly name: Host;
  readonly #node: Child;
  readonly #keepalived: Child;

  constructor(name: Host, folder: string, users: readonly TestUser[]) {
    this.name = name;
    const address = cables.get(name) ?? '';
    const config: ConfigInput = {
      cluster: { name: 'vip', store: `redis://${clientAddress}:6379/0`, secret: 'only-for-tests-in-namespaces' },
      node: { id: name, link: `${address}:7000` },
      listen: [`udp:${vip}:5060?shared=yes`, `tcp:${vip}:5060`],
      domains: [domain],
      users: users.map(({ aor, password }) => ({ aor, password })),
      admin: { listen: '127.0.0.1:8080' },
    };
    const file = `${folder}/${name}.json`;
    writeFileSync(file, JSON.stringify(config));
    const inside = ['netns', 'exec', prefix + name];
    this.#node = start(name, 'ip', [...inside, process.execPath, main, 'start', '--config', file], {
      log: `${folder}/${name}.log`,
      cwd: folder,
    });
    const text = keepalivedConfig(name, address);
    writeFileSync(`${folder}/${name}.conf`, text);
    const words = ['keepalived', '-n', '-l', '-D', '-P', '-f', `${folder}/${name}.conf`];
    const pids = ['-p', `${folder}/${name}.pid`, '-r', `${folder}/${name}-vrrp.pid`];
    this.#keepalived = start(`keepalived-${name}`, 'ip', [...inside, ...words, ...pids], {
      log: `${folder}/keepalived-${name}.log`,
      cwd: folder,
    });
  }

  hasVip(): boolean {
    return ip('-n', prefix + this.name, '-4', 'addr', 'show', 'dev', 'eth0').includes(` ${vip}/`);
  }

  isReady(): boolean {
    try {
      const url = 'http://127.0.0.1:8080/readyz';
      ip(
        'netns',
        'exec',
        prefix + this.name,
        'curl',
        '--fail',
        '--silent',
        '--max-time',
        '1',
        '--output',
        '/dev/null',
        url,
      );
      return true;
    } catch {
      return false;
    }
  }

  /** All at once: power off. */
  die(): void {
    ip('-n', `${prefix}net`, 'link', 'set', `v-${this.name}`, 'down');
    this.stop();
  }

  /** The process alone: keepalived notices by /readyz. */
  killNode(): void {
    signal(this.#node.pid, 'SIGKILL');
  }

  stop(): void {
    signal(this.#node.pid, 'SIGKILL');
    // Its child that speaks VRRP ends with it.
    signal(this.#keepalived.pid, 'SIGTERM');
  }

  async gotVip(timeoutMs: number): Promise<void> {
    await until(`host ${this.name} has the virtual IP`, timeoutMs, () => this.hasVip() || undefined, 20);
  }
}

/** The example, with the addresses of this host; scripts run as root, which is all that there is here. */
function keepalivedConfig(name: Host, address: string): string {
  const peer = [...cables].find(([other]) => other !== name && other !== 'clients')?.[1] ?? '';
  return readFileSync(example, 'utf8')
    .replace('carillon-a', `carillon-${name}`)
    .replace('priority 100', `priority ${name === 'one' ? 100 : 90}`)
    .replaceAll('10.0.0.11', address)
    .replaceAll('10.0.0.12', peer)
    .replaceAll('10.0.0.10', vip);
}

function ip(...words: readonly string[]): string {
  return execFileSync('ip', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
