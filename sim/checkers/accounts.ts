/**
 * Invariant 39: over the life of a process nothing vanishes: each message that it read or got from another one was handled
 * by an actor, answered at once, handed on, or is counted as dropped or shed with the reason.
 * Seen failing with the mutant: 'INFOs get lost between threads'.
 */
import type { Target } from '../../cluster/data-frame.ts';
import type { Observer } from '../observe.ts';
import type { SimNode } from '../node.ts';
import type { World } from '../world.ts';

interface Account {
  came: number;
  went: number;
  /** Counted with a reason. */
  dropped: number;
  /** A thread of it died with what it had. */
  isBroken: boolean;
}

const answered: ReadonlySet<string> = new Set(['answered-stateless', 'stray-response', 'malformed']);

export function accounts(world: World): Observer {
  const lives = new Map<string, Account>();
  const of = (node: SimNode): Account => {
    const { name } = node.owner;
    let account = lives.get(name);
    if (account === undefined) lives.set(name, (account = { came: 0, went: 0, dropped: 0, isBroken: false }));
    return account;
  };
  return {
    nodeReceived: (node) => void of(node).came++,
    cameToWorker: (node, _worker, target, payload) => void (of(node).came += sipItems(target, payload)),
    leftWorker: (node, _worker, target, payload) => void (of(node).went += sipItems(target, payload)),
    handling({ node, input }) {
      if (input.type === 'sip') of(node).went++;
      return undefined;
    },
    counted(id, metric) {
      const node = world.nodes.get(id);
      if (node === undefined) return;
      if (answered.has(metric) || metric.startsWith('dropped-') || metric.startsWith('shed')) of(node).dropped++;
    },
    fault(fault) {
      const node = world.nodes.get(fault.node);
      if (fault.kind === 'worker-crash' && node !== undefined) of(node).isBroken = true;
    },
    phase(phase) {
      if (phase !== 'end') return;
      for (const node of world.liveNodes()) {
        const { came, went, dropped, isBroken } = of(node);
        if (went > came) world.fail('accounts', 39, `${node.owner.name}: ${came} messages came, ${went} went`);
        if (came - went > dropped && !isBroken)
          world.fail(
            'accounts',
            39,
            `${node.owner.name}: ${came} messages came, ${went} went, ${dropped} are counted as dropped or answered`,
          );
      }
    },
  };
}

/** An envelope is an array whose first field is its type; 1 is a SIP message (actors/envelope.ts). */
function sipItems(target: Target, payload: Uint8Array): number {
  return target[0] === 0 && payload[1] === 1 ? 1 : 0;
}
