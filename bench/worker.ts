/**
 * What one call and one registration cost inside of a worker: the SipWorker of production without sockets, threads and
 * store, fed with the octets of SIPp's scenarios. Run: `node bench/worker.ts [--rounds N] [--calls N] [--gate store]`.
 * Prints microseconds of CPU for each message and for the timers afterwards, and what was sent and written; `--digest`
 * prints a hash of all octets that left, equal when two versions say the same.
 */
import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { SyncHost } from '../actors/sync-host.ts';
import type { GateClass } from '../cluster/buddy/replicator.ts';
import { partitionOf } from '../cluster/hash.ts';
import { SipWorker } from '../cluster/sip-worker.ts';
import type { SnapshotAccess } from '../cluster/store-access.ts';
import { limits } from '../src/limits.ts';
import type { Flow } from '../src/outside.ts';
import { Identifiers } from '../src/proxy/identifiers.ts';
import { Self } from '../src/proxy/self.ts';
import { defaultService } from '../src/routing/default-service.ts';
import { ack, answer, bye, invite, register, routesOf } from './support/messages.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '12' },
    calls: { type: 'string', default: '400' },
    gate: { type: 'string', default: 'off' },
    /** Messages that the loop hands over before the actors have their turn. */
    batch: { type: 'string', default: '1' },
    digest: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const calls = Number(values.calls);
const batch = Number(values.batch);
const gate = values.gate as GateClass;

const server: Flow = { protocol: 'udp', listener: 0, address: '127.0.0.1', port: 24_000, connection: '' };
const caller: Flow = { ...server, port: 24_050 };
const callee: Flow = { ...server, port: 24_051 };

let nowMs = 1_795_000_000_000;
let random = 1;
let written = { rows: 0, bytes: 0, writes: 0 };
let sent: { to: number; bytes: Uint8Array }[] = [];
const answers: (() => void)[] = [];
const laterRuns: { atMs: number; run: () => void }[] = [];
const octets = createHash('sha256');

const store: SnapshotAccess = {
  write: (_partition, _epoch, _owner, rows, _durable, done) => {
    written.writes++;
    written.rows += rows.length;
    for (const [, value] of rows) written.bytes += value === null ? 0 : value.length;
    answers.push(() => done(undefined, 'ok'));
  },
  loadPieces: (_partitions, onRows, done) => {
    answers.push(() => {
      onRows([]);
      done(undefined);
    });
  },
  user: (_aor, done) => answers.push(() => done(undefined, undefined)),
};

const host = new SyncHost({
  crashed: (name, error) => {
    throw new Error(`actor ${name}: ${String(error)}`);
  },
  refused: () => {},
  deadLetters: () => {},
});

const counted = new Map<string, number>();

const worker = new SipWorker(
  {
    node: 'a',
    incarnation: 1,
    worker: 0,
    clock: { monotonicMs: () => nowMs, clusterMs: () => nowMs },
    random: {
      bytes: (length) => Buffer.alloc(length, random++ & 255),
      fraction: () => 0.5,
    },
    log: { write: (level, event, fields) => console.error(level, event, fields) },
    store,
    gate,
    host,
    deps: {
      self: new Self([{ ...server, host: server.address }], ['bench.test']),
      identifiers: new Identifiers(Buffer.from('secret')),
      service: defaultService({ authenticate: false }),
      nonceSecret: 'n',
      noAnswerMs: 180_000,
      registrar: { minExpiresSeconds: 60, maxExpiresSeconds: 7_200, maxContacts: 10 },
    },
  },
  {
    partitionOf,
    serving: () => true,
    send: (flow, bytes) => sent.push({ to: flow.port, bytes }),
    toHub: () => {
      throw new Error('all partitions are here');
    },
    report: () => {},
    soon: (run) => answers.push(run),
    later: (delayMs, run) => laterRuns.push({ atMs: nowMs + delayMs, run }),
    count: (metric) => counted.set(metric, (counted.get(metric) ?? 0) + 1),
  },
);

/** The actors and the store, until both have nothing to do. */
function settle(): void {
  host.run();
  while (answers.length > 0) {
    for (const run of answers.splice(0)) run();
    host.run();
  }
}

/** Virtual time; at a full load many calls share a tick. */
function pass(ms: number, stepMs: number = limits.timerTickMs): void {
  for (let left = ms; left > 0; left -= stepMs) {
    nowMs += stepMs;
    for (let index = laterRuns.length - 1; index >= 0; index--)
      if (laterRuns[index]!.atMs <= nowMs) laterRuns.splice(index, 1)[0]!.run();
    worker.tick();
    settle();
  }
}

worker.order({
  type: 'assign',
  shares: Array.from({ length: limits.partitions }, (_, partition) => ({ partition, epoch: 1 })),
});
settle();

const costs = new Map<string, number[]>();

/** Adds the CPU of one message of many to the costs. */
function measure(name: string, count: number, work: () => void): void {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  const all = costs.get(name) ?? [];
  all.push((user + system) / count);
  costs.set(name, all);
}

/** Feeds packets and returns what was sent to the other side, in order. */
function feed(name: string, packets: readonly Buffer[], from: Flow): Map<number, Buffer[]> {
  sent = [];
  measure(name, packets.length, () => {
    for (let index = 0; index < packets.length; index++) {
      worker.edge.receive(packets[index]!, from);
      if (index % batch === batch - 1) settle();
    }
    settle();
  });
  pass(20);
  const byPort = new Map<number, Buffer[]>();
  for (const { to, bytes } of sent) {
    const all = byPort.get(to) ?? [];
    all.push(Buffer.from(bytes));
    byPort.set(to, all);
    if (values.digest) octets.update(bytes);
  }
  return byPort;
}

function take(map: Map<number, Buffer[]>, to: Flow, count: number): readonly Buffer[] {
  const all = map.get(to.port) ?? [];
  if (all.length !== count) throw new Error(`${all.length} instead of ${count} packets to port ${to.port}`);
  return all;
}

function registrations(name: string, round: number): void {
  const packets = Array.from({ length: calls }, (_, user) => register(user, round));
  take(feed(name, packets, caller), caller, calls);
}

/** Of what lives; 0 without `--expose-gc`. */
function heapBytes(): number {
  if (globalThis.gc === undefined) return 0;
  globalThis.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

let kept = 0;

function roundOfCalls(round: number): void {
  const ids = Array.from({ length: calls }, (_, index) => `${round}-${index}`);
  const invited = feed(
    'INVITE',
    ids.map((id, index) => invite(id, index)),
    caller,
  );
  take(invited, caller, calls); // 100
  const invites = take(invited, callee, calls);
  const rang = feed(
    '180',
    invites.map((each, index) => answer(each, '180 Ringing', ids[index]!)),
    callee,
  );
  take(rang, caller, calls);
  const answered = feed(
    '200',
    invites.map((each, index) => answer(each, '200 OK', ids[index]!)),
    callee,
  );
  const routes = take(answered, caller, calls).map(routesOf);
  const acked = feed(
    'ACK',
    ids.map((id, index) => ack(id, routes[index]!)),
    caller,
  );
  take(acked, callee, calls);
  pass(500);
  const byes = take(
    feed(
      'BYE',
      ids.map((id, index) => bye(id, routes[index]!)),
      caller,
    ),
    callee,
    calls,
  );
  const ended = feed(
    '200 BYE',
    byes.map((each) => answer(each, '200 OK', '')),
    callee,
  );
  take(ended, caller, calls);
}

for (let round = 0; round < rounds; round++) {
  registrations('REGISTER', round);
  pass(40_000, 200);
}
const perRegister = { ...written };
written = { rows: 0, bytes: 0, writes: 0 };
for (let round = 0; round < rounds; round++) {
  const heapBefore = heapBytes();
  roundOfCalls(round);
  sent = [];
  kept = heapBytes() - heapBefore;
  measure('timers', calls, () => pass(40_000, 200));
}

let call = 0;
for (const [name, all] of costs) {
  const best = Math.min(...all);
  const median = all.toSorted((a, b) => a - b)[all.length >> 1]!;
  if (name !== 'REGISTER') call += median;
  console.log(
    `${name.padEnd(10)} ${best.toFixed(1).padStart(7)} µs at best, ${median.toFixed(1).padStart(7)} µs median`,
  );
}
console.log(`call       ${call.toFixed(1).padStart(7)} µs, the sum of the medians`);
const per = (count: number): string => (count / rounds / calls).toFixed(2);
console.log(`written    a registration: ${per(perRegister.rows)} rows of ${per(perRegister.bytes)} octets`);
console.log(
  `           a call: ${per(written.rows)} rows of ${per(written.bytes)} octets in ${per(written.writes)} writes`,
);
if (globalThis.gc !== undefined)
  console.log(`kept       ${(kept / calls).toFixed(0)} octets of a call that has ended, until its timers have`);
if (values.digest) console.log(`said       ${octets.digest('hex').slice(0, 16)}`);
