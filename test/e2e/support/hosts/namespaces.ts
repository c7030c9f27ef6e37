/**
 * A network of hosts on one machine: Linux network namespaces on a bridge, 10.77.0.0/24. The bridge, the store and the
 * clients have namespaces too, so that nothing of the machine itself is touched. Needs root and `ip`.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { missing } from '../tools.ts';

/** Of the namespaces of clients and of the store; host i has 10.77.0.i. */
export const clientAddress = '10.77.0.200';
export const storeAddress = '10.77.0.250';
/** All hosts have it on their loopback interface; the clients' routes say who gets its packets. */
export const anycastAddress = '10.77.1.1';
/** Nobody has it: a frame to it is lost without a word. */
const nobodysMac = '02:00:00:00:77:77';

/** Why it cannot be had here, or false. */
export function namespacesMissing(): string | false {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const tools = missing('ip', 'sipp', 'redis-server');
  if (tools !== false) return tools;
  const name = `${prefix}probe`;
  try {
    ip('netns', 'add', name);
    ip('-n', name, 'link', 'add', 'br0', 'type', 'bridge');
    return false;
  } catch {
    return 'this kernel gives no network namespaces with a bridge';
  } finally {
    remove(name);
  }
}

/** The driver (driver.ts) runs in namespaces that its parent made. */
const variable = 'CARILLON_NAMESPACES';
const prefix = process.env[variable] ?? `ca${process.pid}-`;

/** Removes what runs that crashed have left: namespaces of processes that are gone. */
function removeLeftovers(): void {
  for (const [, name, pid] of ip('netns', 'list').matchAll(/^(ca(\d+)-\S+)/gm))
    if (name !== undefined && !isAlive(Number(pid))) remove(name);
}

/** Makes hosts 1 to `hosts`, a bridge, `clients` and `store`. Removed when the process ends, at the latest. */
export function makeNamespaces(hosts: number): void {
  removeLeftovers();
  process.on('exit', removeNamespaces);
  add('net');
  inside('net', 'link', 'add', 'br0', 'type', 'bridge');
  inside('net', 'link', 'set', 'br0', 'up');
  join('clients', clientAddress);
  join('store', storeAddress);
  for (let host = 1; host <= hosts; host += 1) {
    join(hostName(host), addressOf(host));
    inside(hostName(host), 'addr', 'add', `${anycastAddress}/32`, 'dev', 'lo');
  }
}

/** With whatever still runs in them. */
export function removeNamespaces(): void {
  for (const name of made) remove(name);
  made.clear();
}

/** The environment in which another process finds the same namespaces. */
export const namespacesEnvironment = { [variable]: prefix };

/** Command and arguments that run something in a namespace. */
export function commandIn(name: string, ...words: readonly string[]): [command: string, args: string[]] {
  return ['ip', ['netns', 'exec', prefix + name, ...words]];
}

/** The cable of a host is pulled or put in again. Nothing on it ends. */
export function plug(host: number, isIn: boolean): void {
  inside('net', 'link', 'set', `v-${hostName(host)}`, isIn ? 'up' : 'down');
}

/** From now on nothing that `from` sends reaches `to`: neither is told. */
export function cut(from: string, to: string): void {
  inside(from, 'neigh', 'replace', addressIn(to), 'lladdr', nobodysMac, 'dev', 'eth0', 'nud', 'permanent');
}

export function heal(from: string, to: string): void {
  try {
    inside(from, 'neigh', 'del', addressIn(to), 'dev', 'eth0');
  } catch {
    // It was not cut.
  }
}

/** Only inside the namespace of the clients: their packets are spread by addresses and ports, not by addresses alone. */
export function spreadByPorts(): void {
  writeFileSync('/proc/sys/net/ipv4/fib_multipath_hash_policy', '1');
}

/** Packets of the clients for the anycast address go to these hosts, by the hash of addresses and ports. */
export function announce(hosts: readonly number[]): void {
  const hops = hosts.flatMap((host) => ['nexthop', 'via', addressOf(host)]);
  inside('clients', 'route', 'replace', `${anycastAddress}/32`, ...hops);
}

const made = new Set<string>();

function join(name: string, address: string): void {
  add(name);
  const cable = `v-${name}`;
  ip('-n', prefix + name, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', cable, 'netns', `${prefix}net`);
  inside('net', 'link', 'set', cable, 'master', 'br0', 'up');
  inside(name, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
  inside(name, 'link', 'set', 'eth0', 'up');
}

function add(name: string): void {
  ip('netns', 'add', prefix + name);
  made.add(prefix + name);
  inside(name, 'link', 'set', 'lo', 'up');
}

function inside(name: string, ...words: readonly string[]): void {
  ip('-n', prefix + name, ...words);
}

export function hostName(host: number): string {
  return `h${host}`;
}

export function addressOf(host: number): string {
  return `10.77.0.${host}`;
}

function addressIn(name: string): string {
  if (name === 'store') return storeAddress;
  return name === 'clients' ? clientAddress : addressOf(Number(name.slice(1)));
}

function ip(...words: readonly string[]): string {
  return execFileSync('ip', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function remove(name: string): void {
  try {
    for (const pid of ip('netns', 'pids', name).split('\n')) if (pid !== '') process.kill(Number(pid), 'SIGKILL');
    ip('netns', 'del', name);
  } catch {
    // It was not there.
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
