/**
 * Who is told where workers take datagrams: whoever needs it has the newest word of everybody, in whatever order links, ports
 * and addresses come.
 * Seen failing with: what was said before the address was known forgotten; a worker that begins anew not told of the others; a
 * peer not told when a link comes up.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DirectPeers } from '../../../cluster/direct/peers.ts';
import { Shortcuts } from '../../../cluster/direct/shortcuts.ts';
import type { PeerWorkers } from '../../../cluster/direct/way.ts';

const peers = ['b', 'c'] as const;
const peer = fc.constantFrom(...peers);
const ports = fc.array(fc.integer({ min: 1, max: 65_535 }), { minLength: 1, maxLength: 3 });

type Step =
  | { readonly do: 'up'; readonly peer: string; readonly incarnation: number }
  | { readonly do: 'down' | 'address'; readonly peer: string }
  | { readonly do: 'heard'; readonly peer: string; readonly ports: readonly number[]; readonly mainPort: number }
  | { readonly do: 'own'; readonly worker: number; readonly port: number }
  | { readonly do: 'own-main'; readonly port: number };

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('up' as const), peer, incarnation: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ do: fc.constantFrom('down' as const, 'address' as const), peer }),
  fc.record({ do: fc.constant('heard' as const), peer, ports, mainPort: fc.nat(65_535) }),
  fc.record({ do: fc.constant('own' as const), worker: fc.nat(1), port: fc.nat(65_535) }),
  fc.record({ do: fc.constant('own-main' as const), port: fc.nat(65_535) }),
);

describe('where workers take datagrams', () => {
  it('is known to all who are linked, by the newest word', () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 40 }), (plan) => {
        const told = new Map<string, readonly number[]>();
        const known = new Map<string, PeerWorkers>();
        const addresses = new Set<string>();
        const links = new Map<string, { incarnation: number; ports: readonly number[]; mainPort: number }>();
        const own = [0, 0];
        let ownMain = 0;
        const direct = new DirectPeers(
          { node: 'a', incarnation: 1, host: '192.0.2.1' },
          own.length,
          new Shortcuts('a', new Int32Array(1)),
          {
            tellPeer: (to, what, main) => void told.set(to, [...what, main]),
            tellWorkers: (workers) => void known.set(workers.node, workers),
            hostOf: (of) => (addresses.has(of) ? `host of ${of}` : undefined),
          },
        );
        for (const step of plan) {
          switch (step.do) {
            case 'up':
              // A link that is made anew has a process at its other end that was told nothing.
              told.delete(step.peer);
              links.set(step.peer, { incarnation: step.incarnation, ports: [], mainPort: 0 });
              direct.peerUp(step.peer, step.incarnation);
              break;
            case 'down':
              links.delete(step.peer);
              direct.peerDown(step.peer);
              break;
            case 'address':
              addresses.add(step.peer);
              direct.addressed(step.peer);
              break;
            case 'heard': {
              const link = links.get(step.peer);
              if (link === undefined) break;
              link.ports = step.ports;
              link.mainPort = step.mainPort;
              direct.heard(step.peer, link.incarnation, step.ports, step.mainPort);
              break;
            }
            case 'own':
              own[step.worker] = step.port;
              // A thread that begins anew knows nobody.
              known.clear();
              direct.workerHas(step.worker, step.port);
              break;
            case 'own-main':
              ownMain = step.port;
              direct.mainHas(step.port);
          }
        }
        for (const [name, link] of links) {
          if (own.some((port) => port > 0))
            assert.deepEqual(told.get(name), [...own, ownMain], `${name} knows our ports`);
          if (link.ports.length === 0 || !addresses.has(name)) continue;
          const { incarnation, host, ports: theirs, mainPort } = known.get(name)!;
          assert.deepEqual(
            { incarnation, host, theirs, mainPort },
            { incarnation: link.incarnation, host: `host of ${name}`, theirs: link.ports, mainPort: link.mainPort },
          );
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('is nothing that is said where nobody has a socket', () => {
    const told: string[] = [];
    const direct = new DirectPeers(
      { node: 'a', incarnation: 1, host: '192.0.2.1' },
      1,
      new Shortcuts('a', new Int32Array(1)),
      {
        tellPeer: (to) => void told.push(to),
        tellWorkers: () => {},
        hostOf: () => '192.0.2.2',
      },
    );
    direct.peerUp('b', 1);
    assert.deepEqual(told, []);
  });
});
