/**
 * Phones that register over one connection after the other, several of one user: whoever remembers one of a phone's last
 * connections finds its latest one, and never another phone's.
 * Seen failing with: `former` of the newest binding left out; the flow of another instance taken; bindings with a Path taken.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../../src/limits.ts';
import { noBindings, register } from '../../src/registrar/bindings.ts';
import type { Bindings } from '../../src/registrar/bindings.ts';
import { pack, unpack } from '../../src/registrar/snapshot.ts';
import { wayOf } from '../../src/registrar/way.ts';
import { context, flow, requestOf, requestText, startMs } from './requests.ts';

/** `isNewContact`: another port in its Contact than before, as a phone without a listening port has it. */
const steps = fc.array(fc.record({ phone: fc.nat(2), isNewContact: fc.boolean() }), { minLength: 1, maxLength: 30 });

/** 0 has an instance, 1 an instance and a reg-id, 2 only its Contact. */
function contactOf(phone: number, port: number): string {
  const uri = `<sip:u@10.0.0.${phone + 1}:${phone === 2 ? 5060 : port};transport=tcp;ob>`;
  if (phone === 2) return uri;
  return `${uri};+sip.instance="<urn:uuid:0000000${phone}>"${phone === 1 ? ';reg-id=1' : ''}`;
}

function over(state: Bindings, phone: number, contact: string, connection: string, cseq: number): Bindings {
  const lines = ['Supported: path, outbound'];
  const made = requestOf(requestText({ contacts: [contact], callId: `phone-${phone}`, cseq, lines }));
  const result = register(state, made, context({ flow: { ...flow, protocol: 'tcp', connection } }));
  assert.equal(result.status, 200);
  return unpack(pack(result.bindings));
}

test('the last connections of a phone lead to its newest', () => {
  fc.assert(
    fc.property(steps, (played) => {
      let bindings = noBindings;
      const had: string[][] = [[], [], []];
      const ports = [5060, 5060, 5060];
      for (const [index, { phone, isNewContact }] of played.entries()) {
        if (isNewContact) ports[phone]! += 1;
        const connection = `a/0/${index}`;
        bindings = over(bindings, phone, contactOf(phone, ports[phone]!), connection, index + 1);
        had[phone]!.unshift(connection);
        for (const connections of had)
          for (const each of connections.slice(0, limits.formerConnectionsMax + 1)) {
            const way = wayOf(bindings, each, '', startMs);
            if (each === connections[0]) assert.equal(way, 'same');
            else assert.equal(typeof way === 'string' ? way : way.connection, connections[0]);
          }
      }
      assert.equal(wayOf(bindings, 'b/0/1', '', startMs), 'none');
      assert.equal(wayOf(bindings, 'a/0/0', '', startMs + 10_000_000_000), 'none');
    }),
    { numRuns: 300 },
  );
});

test('of two flows of one instance the other one is taken', () => {
  const instance = '+sip.instance="<urn:uuid:1>"';
  let bindings = over(noBindings, 0, `<sip:u@10.0.0.1;ob>;${instance};reg-id=1`, 'a/0/1', 1);
  assert.equal(wayOf(bindings, 'a/0/1', '', startMs), 'same');
  bindings = over(bindings, 0, `<sip:u@10.0.0.1:5070;ob>;${instance};reg-id=2`, 'b/0/1', 2);
  const way = wayOf(bindings, 'a/0/1', '', startMs);
  assert.equal(typeof way === 'string' ? way : way.connection, 'b/0/1');
});

test('a Contact tells a phone that nobody remembers by its connection', () => {
  const bindings = over(noBindings, 0, '<sip:u@10.0.0.1:5070>', 'a/0/1', 1);
  const way = wayOf(bindings, 'gone/0/1', 'sip:u@10.0.0.1:5070', startMs);
  assert.equal(typeof way === 'string' ? way : way.connection, 'a/0/1');
  assert.equal(wayOf(bindings, 'gone/0/1', 'sip:u@10.0.0.1:5071', startMs), 'none');
});

test('a phone behind a proxy of its own is reached by that', () => {
  const [binding] = over(noBindings, 0, '<sip:u@10.0.0.1>', 'a/0/2', 1);
  assert.ok(binding !== undefined);
  const behind = [{ ...binding, former: ['a/0/1'], path: ['<sip:edge.example;lr>'] }];
  assert.equal(wayOf(behind, 'a/0/1', '', startMs), 'none');
});
