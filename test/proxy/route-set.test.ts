/**
 * RFC 3261 16.4 and 16.6 step 6 against a second reading of the same pages, over random Route lists.
 * Seen failing with: only the first own Route removed; a proof not taken without the host; the repair of a strict router left out; an unusable Route skipped.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { planRoute } from '../../src/proxy/route-set.ts';
import { request, self } from './request.ts';

const proof = 'proof';
const routes = {
  /** Of a node with an address of its own that is gone: only the proof tells. */
  ownGone: `<sip:10.9.9.9:5060;lr;p=${proof}>`,
  own: `<sip:sip.example.test:5060;lr;p=${proof}>`,
  ownToo: '<sip:10.0.0.1:5070;transport=tcp;lr;p=old>',
  ownBare: '<sip:[FD00::1];lr>',
  loose: '<sip:px.test;lr>',
  strict: '"P, x" <sip:px2.test:5090>',
  unusable: '<http://x.test>',
} as const;
type Name = keyof typeof routes;
const uris: Readonly<Record<Name, string>> = {
  ownGone: `sip:10.9.9.9:5060;lr;p=${proof}`,
  own: `sip:sip.example.test:5060;lr;p=${proof}`,
  ownToo: 'sip:10.0.0.1:5070;transport=tcp;lr;p=old',
  ownBare: 'sip:[FD00::1];lr',
  loose: 'sip:px.test;lr',
  strict: 'sip:px2.test:5090',
  unusable: 'http://x.test',
};
const names = fc.array(fc.constantFrom(...(Object.keys(routes) as Name[])), { maxLength: 5 });
const isOwn = (name: Name): boolean => name.startsWith('own');

/** The lists of the RFC, one step after the other. */
function reference(list: readonly Name[], uri: 'user' | 'own' | 'ownToo' | 'ownGone') {
  let rest = [...list];
  let requestUri = uri === 'user' ? 'sip:bob@example.test' : uris[uri];
  let proven = false;
  const last = rest.at(-1);
  const repaired = uri !== 'user' && last !== undefined;
  if (repaired) {
    proven = uri === 'own' || uri === 'ownGone';
    requestUri = uris[last];
    rest = rest.slice(0, -1);
  }
  const firstOther = rest.findIndex((name) => !isOwn(name));
  const own = firstOther < 0 ? rest.length : firstOther;
  proven ||= rest.slice(0, own).some((name) => name === 'own' || name === 'ownGone');
  const next = rest[own];
  return { requestUri, repaired, ownRoutes: own, proven, next };
}

test('routes that name us go, a strict router is repaired, the next hop is the first that is left', () => {
  fc.assert(
    fc.property(names, fc.constantFrom('user', 'own', 'ownToo', 'ownGone'), fc.boolean(), (list, uri, joined) => {
      const values = list.map((name) => routes[name]);
      const lines =
        joined && values.length > 0 ? [`Route: ${values.join(', ')}`] : values.map((value) => `Route: ${value}`);
      const plan = planRoute(
        request({ uri: uri === 'user' ? 'sip:bob@example.test' : uris[uri], lines }),
        self,
        proof,
        0,
      );
      const { next, ...expected } = reference(list, uri);
      const { requestUri, repaired, ownRoutes, proven } = plan;
      assert.deepEqual({ requestUri, repaired, ownRoutes, proven }, expected);
      assert.equal(plan.nextRouteText, next === undefined ? '' : uris[next]);
      assert.equal(plan.nextRoute === undefined, next === undefined || next === 'unusable');
      assert.equal(plan.nextIsStrict, next === 'strict');
    }),
    { numRuns: 1000 },
  );
});

test('16.4: an maddr that means us is taken out when the request came by that port and transport', () => {
  const after = (uri: string, listener: number): string =>
    planRoute(request({ uri }), self, proof, listener).requestUri;
  assert.equal(after('sip:bob@example.test;maddr=10.0.0.1;user=phone', 0), 'sip:bob@example.test;user=phone');
  assert.equal(after('sip:bob@example.test:5070;maddr=10.0.0.1;transport=tcp', 1), 'sip:bob@example.test');
  for (const [uri, listener] of [
    ['sip:bob@example.test;maddr=10.0.0.1', 1],
    ['sip:bob@example.test:5070;maddr=10.0.0.1', 1],
    ['sip:bob@example.test;maddr=10.9.9.9', 0],
  ] as const)
    assert.equal(after(uri, listener), uri);
});
