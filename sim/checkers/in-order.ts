/**
 * Invariant 32: what a worker read from its socket for one actor reaches that actor in the order it was read, whoever has
 * the partition by then; nothing of it is handled twice; and where no process dies and no way is cut, nothing is lost but
 * what was counted as dropped or shed.
 * Seen failing with the mutant 'INFOs get lost between threads', and with seed 100075 before the hub kept the order of what
 * waits.
 */
import type { FaultKind } from '../options.ts';
import type { Observer } from '../observe.ts';
import type { World } from '../world.ts';

/** Under these every process lives until everything has come to where it belongs. */
const lossless: ReadonlySet<FaultKind> = new Set(['weather', 'clock', 'store-slow', 'store-full', 'store-down']);

interface Passage {
  read: number;
  handled: number;
  /** The worker that read it last, and its place in the order of what that worker read. */
  worker: string;
  order: number;
  readonly callId: string;
}

export function inOrder(world: World): Observer {
  const isLossless = world.options.faults.every(({ kind }) => lossless.has(kind));
  const passages = new Map<string, Passage>();
  /** By worker and actor: the place of what was handled last. */
  const last = new Map<string, number>();
  /** What was counted as dropped, shed, or answered without an actor. */
  let counted = 0;
  let order = 0;
  return {
    nodeReceived(node, worker, message, bytes, from) {
      if (typeof message === 'string') return;
      const name = nameOf(bytes, from.address, from.port);
      const passage = passages.get(name);
      const by = `${node.owner.name}/${worker}`;
      if (passage === undefined)
        passages.set(name, { read: 1, handled: 0, worker: by, order: order++, callId: message.callId });
      else {
        passage.read++;
        passage.worker = by;
        passage.order = order++;
      }
    },
    handling({ kind, key, input }) {
      if (input.type !== 'sip') return undefined;
      const { message, flow } = input;
      const passage = passages.get(nameOf(message.bytes, flow.address, flow.port));
      if (passage === undefined) return undefined;
      passage.handled++;
      if (passage.handled > passage.read)
        world.fail('in-order', 32, `a ${message.method} ${message.status} is handled twice`, message.callId);
      // Of what came more than once nobody can tell which copy this is.
      if (passage.read > 1) return undefined;
      const sender = `${passage.worker} ${kind} ${key}`;
      const before = last.get(sender) ?? -1;
      if (passage.order < before)
        world.fail(
          'in-order',
          32,
          `a ${message.method} ${message.status} that ${passage.worker} read is handled after what it read later`,
          message.callId,
        );
      last.set(sender, passage.order);
      return undefined;
    },
    counted(_node, metric) {
      if (uncounted.has(metric) || metric.startsWith('dropped-') || metric.startsWith('shed')) counted++;
    },
    phase(phase) {
      if (phase !== 'end' || !isLossless) return;
      let lost = 0;
      let example = '';
      for (const { read, handled, callId } of passages.values()) {
        lost += read - handled;
        if (read > handled) example = callId;
      }
      if (lost > counted) world.fail('in-order', 32, `${lost - counted} messages were read and came nowhere`, example);
    },
  };
}

/** Ends where it comes in. */
const uncounted: ReadonlySet<string> = new Set(['answered-stateless', 'stray-response', 'malformed']);

function nameOf(bytes: Buffer, address: string, port: number): string {
  return `${address}:${port} ${bytes.toString('latin1')}`;
}
