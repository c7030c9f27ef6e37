/** What runs without routes: no open relay, and no answer that tells a stranger who exists. Seen failing with: the Route check left out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { planRoute } from '../../src/proxy/route-set.ts';
import type { Answers, Decision, Service } from '../../src/routing/api.ts';
import { defaultService } from '../../src/routing/default-service.ts';
import { ServiceRun } from '../../src/routing/run.ts';
import { viewOf } from '../../src/routing/view.ts';
import { request, self, udpFlow } from '../proxy/request.ts';
import type { Words } from '../proxy/request.ts';

const contact = { uri: 'sip:bob@10.0.0.3', flow: undefined, path: [] };

interface Known {
  readonly identity?: string;
  readonly known?: boolean;
  readonly online?: boolean;
}

function decide(
  service: Service,
  words: Words,
  { identity, known = true, online = true }: Known = {},
): Decision & { asked: string[] } {
  const message = request(words);
  const run = new ServiceRun(service, viewOf(message, planRoute(message, self, 'proof', 0), udpFlow, self));
  const asked: string[] = [];
  let step = run.start();
  for (let questions = 0; questions < 5; questions += 1) {
    if ('decision' in step) return { ...step.decision, asked };
    asked.push(step.question.ask === 'locate' ? `locate ${step.question.aor}` : step.question.ask);
    const answer: Answers =
      step.question.ask === 'authenticate' ? identity : { known, contacts: online ? [contact] : [] };
    step = run.answer(answer);
  }
  return assert.fail('it asks without end');
}

const open = defaultService({ authenticate: false });
const closed = defaultService({ authenticate: true });
const alice = 'sip:alice@example.test';

test('a call to a user: forked, 480 when offline, 404 when unknown', () => {
  assert.equal(decide(open, {}).do, 'fork');
  assert.deepEqual(decide(open, {}).asked, ['locate sip:bob@example.test']);
  assert.deepEqual(decide(open, {}, { online: false }), {
    do: 'reply',
    status: 480,
    asked: ['locate sip:bob@example.test'],
  });
  assert.deepEqual(decide(open, {}, { online: false, known: false }).do, 'reply');
  assert.equal(statusOf(decide(open, {}, { online: false, known: false })), 404);
});

test('elsewhere is refused, by Request-URI, by maddr and by Route: no open relay', () => {
  for (const words of [
    { uri: 'sip:bob@elsewhere.test' },
    { uri: 'sip:bob@example.test;maddr=10.9.9.9' },
    { uri: 'tel:+4930' },
    { lines: ['Route: <sip:victim.test;lr>'] },
    { lines: ['Route: <sip:sip.example.test;lr>, <sip:victim.test>'] },
    { lines: ['Route: <http://x.test>'] },
  ])
    assert.equal(statusOf(decide(open, words)), 403, JSON.stringify(words));
  assert.equal(decide(open, { lines: ['Route: <sip:sip.example.test;lr>'] }).do, 'fork');
});

test('whoever proves nothing hears the same, whatever they ask for', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(
        'sip:bob@example.test',
        'sip:nobody@example.test',
        'sip:x@elsewhere.test',
        'sip:example.test',
        'tel:+1',
      ),
      fc.constantFrom('INVITE', 'OPTIONS', 'MESSAGE', 'SUBSCRIBE', 'REGISTER'),
      fc.boolean(),
      fc.boolean(),
      (uri, method, known, online) => {
        const decision = decide(closed, { uri, method }, { known, online });
        assert.deepEqual(decision, { do: 'challenge', asked: ['authenticate'] });
      },
    ),
  );
});

test('one who has proven who they are speaks for nobody else', () => {
  assert.equal(decide(closed, {}, { identity: alice }).do, 'fork');
  assert.equal(statusOf(decide(closed, { from: '<sip:bob@example.test>;tag=1' }, { identity: alice })), 403);
  const register = { method: 'REGISTER', uri: 'sip:example.test' };
  assert.equal(statusOf(decide(closed, register, { identity: alice })), 403);
  assert.equal(decide(closed, { ...register, to: `<${alice}>` }, { identity: alice }).do, 'register');
});

test('RFC 3261 10.3 step 1: a registration for another registrar is refused', () => {
  const register = { method: 'REGISTER', uri: 'sip:elsewhere.test', to: `<${alice}>` };
  assert.equal(statusOf(decide(closed, register, { identity: alice })), 403);
});

test('RFC 3261 10.3 step 5: only users of our domains can be registered', () => {
  const register = { method: 'REGISTER', uri: 'sip:example.test' };
  assert.equal(decide(open, register).do, 'register');
  assert.equal(statusOf(decide(open, { ...register, to: '<sip:bob@elsewhere.test>' })), 404);
  assert.equal(statusOf(decide(open, { ...register, to: '<sip:example.test>' })), 404);
  assert.equal(statusOf(decide(open, { ...register, lines: ['Route: <sip:victim.test;lr>'] })), 403);
});

function statusOf(decision: Decision): number {
  return decision.do === 'reply' ? decision.status : 0;
}
