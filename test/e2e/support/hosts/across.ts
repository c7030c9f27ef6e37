/**
 * Three hosts with an address each: phones behind NATs at different hosts call each other, whoever owns the call; a host
 * that neither speaks to loses its cable while calls are established and others ring.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { partitionOf } from '../../../../cluster/hash.ts';
import { until } from '../children.ts';
import { makeUsers } from '../users.ts';
import { HostCluster } from './cluster.ts';
import type { Findings } from './driver.ts';
import { addressOf, plug } from './namespaces.ts';
import { callIdOf, NatPhone } from './phone.ts';

const hosts = [1, 2, 3];
const short = 12;
const held = 12;
const ringing = 6;

export async function across(folder: string): Promise<Findings> {
  const users = makeUsers(2);
  const [alice = '', bob = ''] = users.map(({ name }) => name);
  const zoneOf = (host: number): string => `zone-${host % 2}`;
  const cluster = await HostCluster.open({ folder, listen: 'own', users, authenticate: false, zoneOf });
  try {
    for (const host of hosts) cluster.startNode(host);
    const before = await cluster.settled(hosts, 20_000);
    const caller = await new NatPhone(alice, addressOf(2)).open();
    const callee = await new NatPhone(bob, addressOf(1)).open();
    const registered = await Promise.all([caller.register(), callee.register()]);

    const first = Array.from({ length: short }, () => caller.call(bob));
    const ended: boolean[] = [];
    await until('the first calls talk', 8_000, () => first.every(({ state }) => state === 'talking') || undefined);
    for (const [index, call] of first.entries()) {
      const theirs = callee.calls.get(call.callId);
      // Both sides in turn: the way back is as long as the way there.
      ended.push(await (index % 2 === 0 || theirs === undefined ? caller.hangUp(call) : callee.hangUp(theirs)));
    }
    const talking = Array.from({ length: held }, () => caller.call(bob));
    await until('the held calls talk', 8_000, () => talking.every(({ state }) => state === 'talking') || undefined);
    callee.ringMs = 7_000;
    const waiting = Array.from({ length: ringing }, () => caller.call(bob));
    await until('the others ring', 8_000, () => waiting.every(({ state }) => state === 'ringing') || undefined);

    const lost = before.nodes.findIndex(({ id }) => id === 'h3');
    const isLost = (callId: string): boolean => before.owners[partitionOf(callId)] === lost;
    plug(3, false);
    const pulledAtMs = performance.now();
    const firstServedMs = await firstServed(caller, bob, isLost, pulledAtMs);
    const after = await cluster.settled([1, 2], 12_000);
    await until('who rang talks', 20_000, () => waiting.every(({ state }) => state === 'talking') || undefined).catch(
      () => {},
    );
    const kept = await Promise.all(
      [...talking, ...waiting].map(async (call) => call.state === 'talking' && caller.hangUp(call)),
    );
    caller.close();
    callee.close();
    plug(3, true);
    const backMs = performance.now();
    const whole = await cluster.settled(hosts, 20_000);
    return {
      'registered': registered.filter((status) => status === 200).length,
      'ended before': ended.filter(Boolean).length,
      'calls of the lost host': [...talking, ...waiting].filter(({ callId }) => isLost(callId)).length,
      'kept': kept.filter(Boolean).length,
      'held and ringing': held + ringing,
      'first served ms': Math.round(firstServedMs),
      'partitions served': after.owners.filter((owner) => owner >= 0).length,
      'back after ms': Math.round(performance.now() - backMs),
      'zones': whole.nodes.map(({ zone }) => zone).join(' '),
    };
  } finally {
    await cluster.stop();
  }
}

/** Every 100 ms a request for a partition of the lost host; milliseconds until the first is answered. */
async function firstServed(
  phone: NatPhone,
  user: string,
  isLost: (callId: string) => boolean,
  sinceMs: number,
): Promise<number> {
  let answeredMs = -1;
  for (let tries = 0; tries < 150 && answeredMs < 0; tries += 1) {
    let callId = callIdOf();
    while (!isLost(callId)) callId = callIdOf();
    void phone.probe(user, callId, 10_000).then((status) => {
      if (status !== 0 && answeredMs < 0) answeredMs = performance.now() - sinceMs;
    });
    await sleep(100);
  }
  return answeredMs;
}
