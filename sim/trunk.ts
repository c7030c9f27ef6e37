/**
 * A trunk of a world: some users stand behind it, and only so many calls to them may be up at the same time. Its service is
 * the default one and the few lines that a user of Carillon would write.
 */
import { limit, rate, refused } from '../src/routing/api.ts';
import type { Service } from '../src/routing/api.ts';
import { defaultService } from '../src/routing/default-service.ts';
import type { SimOptions } from './options.ts';
import type { CallPlan } from './phone/history.ts';
import { Chance } from './random.ts';

export interface TrunkPlan {
  /** At once. */
  readonly calls: number;
  /** Users that are reached by it. */
  readonly users: readonly string[];
  /** Calls that may begin in a second; undefined: any number. Only in scenarios. */
  readonly perSecond?: number;
}

export const trunkName = 'trunk:sim';
const rateName = 'begins:sim';
/** Of those who ask whether all is well after the healing: nobody refuses them. */
const probe = /^probe-/;

/** What heals would take minutes otherwise. */
export const trunkSqueeze: SimOptions['squeeze'] = {
  placeRenewMs: 3_000,
  placeSureMs: 12_000,
  placeDoubtMs: 1_000,
  placeDoubtEveryMs: 200,
};

/** In one of sixteen worlds. */
export function drawTrunk(seed: number, users: number, isWished: boolean): TrunkPlan | undefined {
  const random = new Chance(seed).stream('trunk');
  if (!random.chance(1 / 16) && !isWished) return undefined;
  const share = random.pick([0.3, 0.6, 1]);
  const names = Array.from({ length: users }, (_, user) => `u${user}`).filter(() => random.chance(share));
  return { calls: random.pick([1, 3, 5, 8, 12]), users: names };
}

export function isTrunkCall(trunk: TrunkPlan, { callId, callee }: Pick<CallPlan, 'callId' | 'callee'>): boolean {
  return trunk.users.includes(callee) && !probe.test(callId);
}

export function trunkService(trunk: TrunkPlan): Service {
  const usual = defaultService({ authenticate: true });
  return function* (request) {
    const decision = yield* usual(request);
    if (request.method !== 'INVITE' || decision.do !== 'fork') return decision;
    const callee = /^sip:([^@]*)@/.exec(request.target)?.[1] ?? '';
    if (!isTrunkCall(trunk, { callId: request.header('Call-ID') ?? '', callee })) return decision;
    if (trunk.perSecond !== undefined) {
      const permit = yield* rate(rateName, { requests: trunk.perSecond });
      if (!permit.granted) return refused(permit);
    }
    const place = yield* limit(trunkName, { calls: trunk.calls });
    return place.granted ? decision : refused(place);
  };
}
