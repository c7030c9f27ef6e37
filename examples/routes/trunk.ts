/**
 * Routing for `"routes": "./trunk.ts"`: everybody's calls go to one provider, whose trunk takes so many at once; whoever calls
 * too often is asked to come back later. Numbers and address from the environment, so that the test uses this very file.
 */
import { env } from 'node:process';
import { fork, limit, rate, refused, reply } from '../../src/routing/api.ts';
import type { Service } from '../../src/routing/api.ts';

const provider = env['TRUNK'] ?? 'sip:192.0.2.1:5060';
const channels = Number(env['TRUNK_CALLS'] ?? 30);
const perSecond = Number(env['TRUNK_PER_SECOND'] ?? 20);

const byTrunk: Service = function* (request) {
  if (request.method !== 'INVITE') return reply(405);
  const permit = yield* rate(`ip:${request.source.address}`, { requests: perSecond, perSeconds: 1 });
  if (!permit.granted) return refused(permit);
  const place = yield* limit('trunk:acme', { calls: channels });
  if (!place.granted) return refused(place, { reason: 'All Channels Busy' });
  return fork([{ uri: provider, flow: undefined, path: [] }]);
};

export { byTrunk as default };
