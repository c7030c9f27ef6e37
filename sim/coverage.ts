/**
 * Points that some seed must reach, or the simulator does not try hard enough: each is a situation in which something could
 * go wrong that nothing else tries. A point that no seed of a long run reaches is a failure of the run.
 */
import { hash32 } from '../cluster/hash.ts';
import { MachineCoverage } from './reach/machines.ts';
import { callStateOf, pairName } from './reach/pairs.ts';
import type { Observer } from './observe.ts';
import type { Fault } from './options.ts';
import type { Message } from './phone/message.ts';
import type { World } from './world.ts';

export const points = [
  'takeover while ringing',
  'takeover of a call that stands',
  'takeover between 2xx and its way to the caller',
  'takeover with a 2xx not acknowledged yet',
  'CANCEL while its partition is handed over',
  'zombie write refused',
  'vote while the lease runs',
  'vote refused as too old',
  'latch set',
  'latch set and cleared',
  'killed by votes',
  'released by a supervisor',
  'told that it is dead',
  'restarted under a new incarnation',
  'freeze taken back',
  'hand-off by drain',
  'gate open because the store failed',
  'CANCEL and 200 cross',
  'two devices answer',
  'item forwarded to another node',
  'item dropped for want of an owner',
  'item dropped after too many hops',
  'worker crash with calls',
  'nonce stale',
  'registration refreshed after a takeover',
  'date of a machine wrong by minutes',
  'all nodes down at once',
  'store down with a node dead',
  'CANCEL while its partition is frozen',
  'store away and back',
  'table given back to a store that lost it',
  'two tables of one epoch',
  'second 2xx after a takeover',
  'store full',
  'registration refused because the store failed',
  'two nodes down at once',
  'retransmitted INVITE after a takeover',
  'refusal repeated after a takeover',
  'votes lost with what the store lost',
  'copy lost and said again',
] as const;
export type Point = (typeof points)[number];

export class Coverage {
  readonly observer: Observer;
  readonly #counters = new Map<string, { count: number }>();

  constructor(world: World) {
    const count = (name: string): void => {
      const counter = this.#counters.get(name);
      if (counter === undefined) this.#counters.set(name, { count: 1 });
      else counter.count++;
    };
    const reach = (point: Point): void => count(point);
    const machines = new MachineCoverage(count);
    const away = new Set<string>();
    const nonces = new Map<number, string>();
    const votes = new Map<string, number>();
    const invites = new Map<string, number>();
    let lastLossMs = -Infinity;
    const met = (fault: Fault): void => {
      for (const call of world.calls) {
        const state = callStateOf(call);
        if (state !== undefined) count(pairName(fault.kind, state));
      }
    };
    const onRequest = (message: Message): void => {
      if (message.method === 'CANCEL' && isFrozen(world, message.callId)) reach('CANCEL while its partition is frozen');
      if (message.method !== 'INVITE') return;
      const first = invites.get(message.branch);
      if (first === undefined) invites.set(message.branch, world.kernel.nowMs);
      else if (first < lastLossMs) reach('retransmitted INVITE after a takeover');
    };
    const refusals = new Map<string, number>();
    const onAnswer = ({ method, status, branch }: Message): void => {
      if (method !== 'INVITE' || status < 300) return;
      const first = refusals.get(branch);
      if (first === undefined) refusals.set(branch, world.kernel.nowMs);
      else if (first < lastLossMs) reach('refusal repeated after a takeover');
    };
    const latched = new Set<string>();
    if (world.options.dateErrorMs > 60_000) reach('date of a machine wrong by minutes');
    world.store.watches.push({
      voted(target, _incarnation, voter, _issuedAtMs, reply) {
        if (reply === 'noted') votes.set(`${voter} ${target}`, world.kernel.nowMs);
        if (reply === 'too-old') reach('vote refused as too old');
        if (reply === 'noted') reach('vote while the lease runs');
        if (reply === 'dead') reach('killed by votes');
      },
      released: () => reach('released by a supervisor'),
      written(_partition, _epoch, _owner, _rows, reply) {
        if (reply !== 'ok') reach('zombie write refused');
      },
      lost() {
        if ([...votes.values()].some((atMs) => atMs > world.kernel.nowMs - world.times.voteTtlMs))
          reach('votes lost with what the store lost');
        votes.clear();
      },
      tableStored({ epoch, nonce }) {
        const before = nonces.get(epoch);
        if (before !== undefined && before !== nonce) reach('two tables of one epoch');
        nonces.set(epoch, nonce);
      },
    });
    const onLoss = (nodes: readonly string[]): void => {
      lastLossMs = world.kernel.nowMs;
      for (const call of world.calls) {
        if (call.invitedAtMs === 0) continue;
        const caller = call.finals[0];
        const answered = call.legs.find((leg) => leg.final >= 200 && leg.final < 300);
        if (caller === undefined && answered !== undefined) reach('takeover between 2xx and its way to the caller');
        else if (caller === undefined && call.ringingAtMs > 0) reach('takeover while ringing');
        if (answered !== undefined && answered.ackedAtMs === 0 && caller !== undefined)
          reach('takeover with a 2xx not acknowledged yet');
        if (answered !== undefined && answered.ackedAtMs > 0 && call.endedAtMs === 0)
          reach('takeover of a call that stands');
      }
      if (world.store.isDown && nodes.length > 0) reach('store down with a node dead');
      const live = world.liveNodes().length - nodes.length;
      if (live <= 0) reach('all nodes down at once');
      if (live < world.options.nodes - 1) reach('two nodes down at once');
    };
    this.observer = {
      handling(handling) {
        machines.handling(handling);
        return undefined;
      },
      stepped({ id, loop }) {
        if (loop.control.storeUp) {
          if (away.size > 0 && away.delete(id)) reach('store away and back');
        } else if (loop.control.table !== undefined) away.add(id);
      },
      nodeReceived(_node, _worker, message) {
        if (typeof message !== 'string' && message.isRequest) onRequest(message);
      },
      noted(node, _level, event, fields) {
        if (event === 'table-lost-by-store') reach('table given back to a store that lost it');
        if (event === 'store-failing' && fields['code'] === 'full') reach('store full');
        if (event === 'stopped') {
          latched.add(node);
          reach('latch set');
        }
        if (event === 'acting' && latched.delete(node)) reach('latch set and cleared');
        if (event === 'release-predecessor') reach('restarted under a new incarnation');
        if (event === 'leaving' || event === 'over' || event === 'exit') reach('told that it is dead');
      },
      ordered(_node, order) {
        if (order.type === 'thaw') reach('freeze taken back');
      },
      phoneReceived(_phone, message) {
        if (typeof message !== 'string' && !message.isRequest) onAnswer(message);
        if (typeof message === 'string' || (message.status !== 401 && message.status !== 407)) return;
        if (message.headers.some(([, value]) => value.includes('stale=true'))) reach('nonce stale');
      },
      counted(_node, metric) {
        if (metric === 'gate.ungated') reach('gate open because the store failed');
        if (metric === 'promise.refused') reach('registration refused because the store failed');
        if (metric === 'copy.again') reach('copy lost and said again');
        if (metric === 'forwarded') reach('item forwarded to another node');
        if (metric === 'dropped-hops') reach('item dropped after too many hops');
        if (metric === 'dropped-no-owner') reach('item dropped for want of an owner');
      },
      fault(fault) {
        met(fault);
        if (fault.kind === 'crash') onLoss([fault.node]);
        if (fault.kind === 'worker-crash' && world.calls.some((call) => call.invitedAtMs > 0 && call.endedAtMs === 0))
          reach('worker crash with calls');
        if (fault.kind === 'drain') reach('hand-off by drain');
      },
      callEvent(call, what) {
        let answered = 0;
        for (const { final } of call.legs) if (final >= 200 && final < 300) answered++;
        if (answered > 1) reach('two devices answer');
        if (what.startsWith('caller got 2')) {
          if (call.cancelledAtMs > 0) reach('CANCEL and 200 cross');
          const answers = call.finals.filter(({ status }) => status < 300);
          if (answers.length > 1 && call.invitedAtMs < lastLossMs) reach('second 2xx after a takeover');
        }
        if (what !== 'caller CANCEL') return;
        const moving = world.liveNodes().some((node) => (node.loop.control.table?.moving.size ?? 0) > 0);
        if (moving) reach('CANCEL while its partition is handed over');
      },
      registration(record) {
        if (record.status === 200 && record.wants === 'bind' && latched.size > 0)
          reach('registration refreshed after a takeover');
      },
    };
  }

  /** Points, and beside them cells of the machines (reach/machines.ts) and pairs (reach/pairs.ts), with how often. */
  get reached(): ReadonlyMap<string, number> {
    return new Map([...this.#counters].map(([name, { count }]) => [name, count]));
  }
}

function isFrozen(world: World, callId: string): boolean {
  const number = hash32(callId) & (world.options.partitions - 1);
  for (const node of world.liveNodes())
    for (const worker of node.workers)
      for (const partition of worker?.core.hosted.partitions() ?? [])
        if (partition.number === number && partition.stats().frozen) return true;
  return false;
}
