/**
 * What the actor runtime costs per input, without SIP: deliver, drain, one packet out. Run: `node bench/partition.ts`.
 * Prints nanoseconds per input, and bytes per sleeping entity.
 */
import type { Behaviour, Behaviours, Turn } from '../actors/entity.ts';
import type { Envelope } from '../actors/envelope.ts';
import { Partition } from '../actors/partition.ts';
import type { PartitionPorts, WriteResult } from '../actors/ports.ts';
import { Answers } from '../actors/answers.ts';
import { Memories } from '../actors/memories.ts';
import { Wheel } from '../actors/wheel.ts';
import type { Flow } from '../src/outside.ts';
import type { SipMessage } from '../src/sip/message.ts';

const flow: Flow = { protocol: 'udp', listener: 0, address: '127.0.0.1', port: 5060, connection: '' };
const packet = Buffer.alloc(600, 0x61);
let nowMs = 1_795_000_000_000;
let sent = 0;
const answers: ((result: WriteResult) => void)[] = [];

interface State {
  count: number;
  readonly invite: Uint8Array;
  readonly tags: readonly string[];
}

type Work = (state: State, turn: Turn) => void;

const works: Record<string, Work> = {
  'one packet': (_state, turn) => turn.send(flow, packet),
  'one packet, a timer replaced': (_state, turn) => {
    turn.send(flow, packet);
    turn.timer('T', nowMs + 500);
  },
  'one packet, a timer armed and cleared': (_state, turn) => {
    turn.timer('T', nowMs + 500);
    turn.send(flow, packet);
    turn.clearTimer('T');
  },
  'one packet, saved without a gate': (_state, turn) => {
    turn.send(flow, packet);
    turn.save('none');
  },
  'one packet behind the gate (snapshot of 600 bytes)': (_state, turn) => {
    turn.send(flow, packet);
    turn.save('store');
  },
};

function behaviours(work: Work): Behaviours {
  const behaviour: Behaviour<State> = {
    create: () => ({
      count: 0,
      invite: Buffer.alloc(520, 0x62),
      tags: ['first-tag-of-this-call', 'second-tag-of-this-call'],
    }),
    receive(state, _input, turn) {
      state.count++;
      work(state, turn);
    },
    pack: (state) => [1, state.count, state.invite, state.tags],
    unpack: (_key, packed) => ({
      count: packed[1] as number,
      invite: packed[2] as Uint8Array,
      tags: packed[3] as string[],
    }),
    isIdle: () => true,
    passivateAfterMs: 1_000,
    describe: () => '',
    view: () => null,
  };
  const any = behaviour as Behaviour<unknown>;
  return { call: any, aor: any, limit: any };
}

const ports = (wheel: Wheel): PartitionPorts => ({
  clock: { monotonicMs: () => nowMs, clusterMs: () => nowMs },
  wheel,
  memories: new Memories(wheel),
  answers: new Answers(wheel, 1),
  load: { queuedItems: 0 },
  hashSeed: 1,
  partitionOf: () => 0,
  wake: () => {},
  send: () => {
    sent++;
  },
  post: () => {},
  write: (_partition, _epoch, _owner, _rows, _durable, done) => answers.push(done),
  overloaded: () => {},
  failed: () => {},
  unsaved: () => {},
  fenced: () => {},
  note: (_level, event, fields) => console.error(event, fields),
  count: () => {},
});

const message = { isRequest: false, method: 'INVITE', toTag: 'x', bytes: packet } as unknown as SipMessage;

function run(name: string, work: Work, batch: number): void {
  const wheel = new Wheel(nowMs);
  const partition = new Partition(0, 1, 'a.1', ports(wheel), behaviours(work));
  const keys = Array.from({ length: 1_000 }, (_, index) => `call-${index}@example.test`);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 6; round++) {
    const inputs = 300_000;
    const before = process.hrtime.bigint();
    for (let index = 0; index < inputs;) {
      for (let item = 0; item < batch; item++, index++) {
        const envelope: Envelope = { to: { kind: 'call', key: keys[index % 1_000]! }, type: 'sip', message, flow };
        partition.deliver(envelope);
      }
      while (partition.drain());
      while (answers.length > 0) answers.pop()!('ok');
      if (index % 4_096 === 0) partition.advance((nowMs += 10));
    }
    best = Math.min(best, Number(process.hrtime.bigint() - before) / inputs);
  }
  console.log(`${best.toFixed(0).padStart(6)} ns  ${name}, ${batch} a drain`);
  partition.close();
}

for (const [name, work] of Object.entries(works)) for (const batch of [1, 32]) run(name, work, batch);
if (sent === 0) throw new Error('nothing was sent');

// Memory of sleeping entities.
globalThis.gc?.();
const wheel = new Wheel(nowMs);
const partition = new Partition(
  0,
  1,
  'a.1',
  ports(wheel),
  behaviours((_state, turn) => turn.save('store')),
);
const entities = 100_000;
globalThis.gc?.();
const before = process.memoryUsage();
for (let index = 0; index < entities; index++) {
  partition.deliver({ to: { kind: 'aor', key: `sip:user-${index}@example.test` }, type: 'tell', body: null });
  while (partition.drain());
  while (answers.length > 0) answers.pop()!('ok');
}
for (let second = 0; second < 3; second++) partition.advance((nowMs += 1_000));
globalThis.gc?.();
const after = process.memoryUsage();
const bytes = (after.heapUsed - before.heapUsed) / entities;
console.log(
  `${bytes.toFixed(0).padStart(6)} bytes a sleeping entity with a snapshot of 600 bytes (run with --expose-gc): ${partition.describe()}`,
);
