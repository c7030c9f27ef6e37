/** The behaviours of a node that reads the snapshots of the corpus. What it is configured with must not matter. */
import { aorBehaviour } from '../../actors/aor/behaviour.ts';
import { callBehaviour } from '../../actors/call/behaviour.ts';
import type { Behaviour, Kind, Turn } from '../../actors/entity.ts';
import { limitBehaviour } from '../../actors/limit/behaviour.ts';
import { LentCredits } from '../../src/limit/credits.ts';
import { Identifiers } from '../../src/proxy/identifiers.ts';
import { Self } from '../../src/proxy/self.ts';
import { defaultService } from '../../src/routing/default-service.ts';
import { WrittenTurn } from '../../sim/lens.ts';

interface Reader {
  readonly twin: Behaviour<unknown>;
  readonly turn: Turn;
}

export function twins(nowMs: number): Readonly<Record<Kind, Reader>> {
  const deps = {
    self: new Self([{ protocol: 'udp', address: '10.0.0.1', port: 5060, host: '10.0.0.1' }], ['example.test']),
    identifiers: new Identifiers(Buffer.from('of the corpus')),
    service: defaultService({ authenticate: true }),
    random: { bytes: (length: number) => Buffer.alloc(length, 1), fraction: () => 0.5 },
    nonceSecret: 'of the corpus',
    noAnswerMs: 120_000,
    directory: { record: () => undefined },
    registrar: { minExpiresSeconds: 60, maxExpiresSeconds: 7_200, maxContacts: 10 },
    credits: new LentCredits(),
  };
  const turn = new WrittenTurn(0, nowMs);
  return {
    call: { twin: callBehaviour(deps) as Behaviour<unknown>, turn },
    aor: { twin: aorBehaviour(deps) as Behaviour<unknown>, turn },
    limit: { twin: limitBehaviour() as Behaviour<unknown>, turn },
  };
}
