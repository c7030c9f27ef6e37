/**
 * Calls that share the places of a counter, as phones see it, with a service that asks for them. The property at the end:
 * whatever moment the node is lost at, no more calls are up than there are places, and in the end nobody holds one.
 * Seen failing with: the release left out after a final answer, after a CANCEL (the context forgotten first), places not
 * in the snapshot of a call, a place taken again under another tag after the loss.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { CounterView } from '../../../src/limit/view.ts';
import { packTake } from '../../../actors/limit/questions.ts';
import { limits } from '../../../src/limits.ts';
import { count, fork, limit, locate, rate, refused, reply } from '../../../src/routing/api.ts';
import type { Service } from '../../../src/routing/api.ts';
import { Caller, Callee } from '../call/parties.ts';
import { register, value } from '../call/phone.ts';
import { World } from '../call/world.ts';

const trunk = (calls: number): Service =>
  function* (request) {
    if (request.method === 'REGISTER') return { do: 'register' };
    const place = yield* limit('trunk', { calls });
    if (!place.granted) return refused(place);
    const { contacts } = yield* locate(request.target);
    return contacts.length === 0 ? reply(480) : fork(contacts);
  };

function phones(service: Service, pairs: number): { world: World; callers: Caller[]; callees: Callee[] } {
  const world = new World({ service });
  const callees = Array.from({ length: pairs }, (_, index) => {
    const callee = new Callee(world, `bob${index}`, `10.0.1.${index + 1}:5060`);
    register(callee.phone, world);
    return callee;
  });
  world.run(2_000);
  const callers = callees.map((_, index) => new Caller(world, `alice${index}`, `10.0.2.${index + 1}:5060`));
  return { world, callers, callees };
}

function counter(world: World): CounterView | undefined {
  return world.views('limit')[0] as CounterView | undefined;
}

describe('calls that share places', () => {
  it('are let through up to the limit, the others get 486, and all places come back', () => {
    const { world, callers, callees } = phones(trunk(2), 4);
    for (const [index, caller] of callers.entries()) caller.invite(`bob${index}`);
    world.run(2_500);
    assert.equal(counter(world)?.value, 2);
    assert.deepEqual(
      callers.map(({ final }) => final).toSorted((a, b) => a - b),
      [200, 200, 486, 486],
    );
    assert.equal(callees.filter(({ log }) => log.includes('INVITE')).length, 2);
    world.run(60_000);
    assert.equal(counter(world), undefined);
  });

  it('free their place when they are refused, taken back or not found', () => {
    const { world, callers, callees } = phones(trunk(1), 3);
    callers[0]!.invite('nobody');
    world.run(300);
    assert.equal(callers[0]!.final, 480);
    assert.equal(counter(world), undefined);
    callees[1]!.answerAfterMs = 60_000;
    callers[1]!.invite('bob1');
    world.run(1_000);
    assert.equal(counter(world)?.value, 1);
    callers[1]!.cancel();
    world.run(1_000);
    assert.equal(callers[1]!.final, 487);
    assert.equal(counter(world), undefined);
    callers[2]!.invite('bob2');
    world.run(60_000);
    assert.equal(callers[2]!.final, 200);
  });

  it('keep their place while their node is lost and while they are moved', () => {
    const { world, callers } = phones(trunk(1), 2);
    callers[0]!.talkMs = 20_000;
    callers[0]!.invite('bob0');
    world.run(3_000);
    world.kill();
    world.run(500);
    world.move();
    callers[1]!.invite('bob1');
    world.run(1_000);
    assert.equal(callers[1]!.final, 486);
    world.run(60_000);
    assert.equal(callers[0]!.byeStatus, 200);
    assert.equal(counter(world), undefined);
  });

  it('tell a counter that was lost with everybody who knew it', () => {
    const { world, callers } = phones(trunk(3), 1);
    callers[0]!.talkMs = 2 * limits.placeRenewMs;
    callers[0]!.invite('bob0');
    world.run(3_000);
    world.forget('limit');
    assert.equal(counter(world), undefined);
    world.run(limits.placeRenewMs + 1_000);
    assert.equal(counter(world)?.value, 1);
    assert.equal(world.counts.get('limit-claimed'), 1);
    world.run(2 * limits.placeRenewMs);
    assert.equal(counter(world), undefined);
  });

  it('are asked whether they live, and whoever does not has given back', () => {
    const { world, callers } = phones(trunk(3), 1);
    callers[0]!.talkMs = limits.placeSureMs + 60_000;
    callers[0]!.invite('bob0');
    world.run(3_000);
    world.ask({ kind: 'limit', key: 'trunk' }, 'a call that never was', packTake('t', 3));
    world.run(1_000);
    assert.equal(counter(world)?.value, 2);
    world.run(limits.placeSureMs + 10_000);
    assert.deepEqual(
      counter(world)?.holders.map(({ callId }) => callId),
      ['call-alice0'],
    );
    assert.equal(world.counts.get('limit-lapsed'), 1);
  });

  it('whatever moment the node is lost at: the property', () => {
    fc.assert(
      fc.property(
        // So few that nobody has given up before his INVITE gets through: he could not hang up what is answered then.
        fc.array(fc.constantFrom(undefined, 'before', 'after'), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 3 }),
        (losses, places) => {
          const { world, callers, callees } = phones(trunk(places), 4);
          const from = world.saves;
          world.loseNodeAt = (save) => losses[save - from];
          for (const [index, caller] of callers.entries()) world.after(index * 40, () => caller.invite(`bob${index}`));
          world.run(2_500);
          const up = callees.filter(({ log }) => log.includes('INVITE') && !log.includes('BYE')).length;
          assert(up <= places, `${up} calls are up`);
          world.loseNodeAt = () => undefined;
          world.run(limits.placeSureMs + 60_000);
          assert.equal(counter(world), undefined);
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('requests in a span of time', () => {
  const rated: Service = function* (request) {
    if (request.method === 'REGISTER') return { do: 'register' };
    const permit = yield* rate('ip', { requests: 2, perSeconds: 10 });
    if (!permit.granted) return refused(permit);
    const counted = yield* count('ip');
    return reply(480 + counted.requests);
  };

  it('over the limit get 503 and when to come back; what was used is not forgotten with the node', () => {
    const { world, callers } = phones(rated, 4);
    callers[0]!.invite('x');
    world.run(1_000);
    callers[1]!.invite('x');
    world.run(1_000);
    world.kill();
    callers[2]!.invite('x');
    world.run(1_000);
    assert.deepEqual(
      callers.map(({ final }) => final),
      [481, 482, 503, 0],
    );
    const answer = callers[2]!.phone.received.find(({ status }) => status === 503);
    assert.equal(value(answer!, 'Retry-After'), '9');
    world.run(8_000);
    callers[3]!.invite('x');
    world.run(1_000);
    assert.equal(callers[3]!.final, 482);
    world.run(60_000);
    assert.deepEqual(world.views('limit'), []);
  });
});

describe('names and numbers', () => {
  it('a name that is too long is over its limit', () => {
    const service: Service = function* (request) {
      if (request.method === 'REGISTER') return { do: 'register' };
      const long = 'x'.repeat(limits.limitNameOctetsMax + 1);
      const permit = yield* rate(long, { requests: 5 });
      const counted = yield* count(long);
      assert.deepEqual(counted, { calls: 0, requests: 0 });
      return permit.granted ? reply(480) : refused(yield* limit(long, { calls: 3 }), { status: 480, reason: 'No' });
    };
    const { world, callers } = phones(service, 1);
    callers[0]!.invite('x');
    world.run(1_000);
    assert.equal(callers[0]!.final, 480);
  });

  it('what is no number of calls or seconds is refused when the service asks', () => {
    assert.throws(() => limit('x', { calls: 1.5 }).next(), RangeError);
    assert.throws(() => rate('x', { requests: -1 }).next(), RangeError);
    assert.throws(() => rate('x', { requests: 1, perSeconds: 0 }).next(), RangeError);
    assert.throws(() => rate('x', { requests: 1, perSeconds: 100_000 }).next(), RangeError);
  });
});
