/**
 * Points that some seed must reach, or the simulator does not try hard enough: each is a situation in which something could
 * go wrong that nothing else tries. A point that no seed of a long run reaches is a failure of the run.
 */
import type { Observer } from './observe.ts';
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
] as const;
export type Point = (typeof points)[number];

export class Coverage {
  readonly reached = new Map<Point, number>();
  readonly observer: Observer;

  constructor(world: World) {
    const reach = (point: Point): void => void this.reached.set(point, (this.reached.get(point) ?? 0) + 1);
    const latched = new Set<string>();
    if (world.options.dateErrorMs > 60_000) reach('date of a machine wrong by minutes');
    world.store.watches.push({
      voted(_target, _incarnation, _voter, _issuedAtMs, reply) {
        if (reply === 'too-old') reach('vote refused as too old');
        if (reply === 'noted') reach('vote while the lease runs');
        if (reply === 'dead') reach('killed by votes');
      },
      released: () => reach('released by a supervisor'),
      written(_partition, _epoch, _owner, _rows, reply) {
        if (reply !== 'ok') reach('zombie write refused');
      },
    });
    const onLoss = (nodes: readonly string[]): void => {
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
      if (world.liveNodes().length <= nodes.length) reach('all nodes down at once');
    };
    this.observer = {
      noted(node, _level, event) {
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
        if (typeof message === 'string' || (message.status !== 401 && message.status !== 407)) return;
        if (message.headers.some(([, value]) => value.includes('stale=true'))) reach('nonce stale');
      },
      counted(_node, metric) {
        if (metric === 'gate.ungated') reach('gate open because the store failed');
        if (metric === 'forwarded') reach('item forwarded to another node');
        if (metric === 'dropped-hops') reach('item dropped after too many hops');
        if (metric === 'dropped-no-owner') reach('item dropped for want of an owner');
      },
      fault(fault) {
        if (fault.kind === 'crash') onLoss([fault.node]);
        if (fault.kind === 'worker-crash' && world.calls.some((call) => call.invitedAtMs > 0 && call.endedAtMs === 0))
          reach('worker crash with calls');
        if (fault.kind === 'drain') reach('hand-off by drain');
      },
      callEvent(call, what) {
        if (what.startsWith('caller got 2') && call.cancelledAtMs > 0) reach('CANCEL and 200 cross');
        if (call.legs.filter((leg) => leg.final >= 200 && leg.final < 300).length > 1) reach('two devices answer');
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
}
