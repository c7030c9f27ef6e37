/** `carillon node drain ID --watch`: how far a node is with leaving, until it has left. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterView, NodeView } from '../admin/port.ts';

export interface DrainProgress {
  readonly node: string;
  readonly hasLeft: boolean;
  /** Still its own. */
  readonly partitions: number;
  readonly calls: number;
  /** TCP connections of clients that it is kept for. */
  readonly connections: number;
}

const everyMs = 1_000;
/** Answers that may be missing on the way: the API of a node that leaves closes with it. */
const silencesMax = 5;

/**
 * Tells each change, and resolves when the node has left. Rejects with ExitError 69 when nobody answers any more, unless it
 * was the leaving node itself that was asked.
 */
export async function watchDrain(
  admin: { cluster(): Promise<ClusterView> },
  id: string,
  tell: (progress: DrainProgress) => void,
  pauseMs: number = everyMs,
): Promise<void> {
  let incarnation: number | undefined;
  let isAskedItself = false;
  let said = '';
  let silences = 0;
  for (;;) {
    let view: ClusterView | undefined;
    try {
      view = await admin.cluster();
      silences = 0;
    } catch (error) {
      silences += 1;
      if (!isAskedItself && silences >= silencesMax) throw error;
    }
    // The API of the node itself is closed when it ends.
    if (view === undefined && isAskedItself && silences > 1) return tell(left(id));
    if (view !== undefined) {
      isAskedItself = view.node === id;
      const node = view.nodes.find((each) => each.id === id && each.status !== 'dead');
      incarnation ??= node?.incarnation;
      if (node === undefined || node.incarnation !== incarnation) return tell(left(id));
      const progress = progressOf(node);
      const text = progressText(progress);
      if (text !== said) tell(progress);
      said = text;
    }
    await sleep(pauseMs);
  }
}

export function progressText({ node, hasLeft, partitions, calls, connections }: DrainProgress): string {
  if (hasLeft) return `node ${node} has left`;
  if (partitions > 0) return `node ${node} has ${partitions} partitions and ${calls} calls to hand over`;
  return `node ${node} has handed everything over and keeps ${connections} connections`;
}

function progressOf({ id, partitions, load }: NodeView): DrainProgress {
  return { node: id, hasLeft: false, partitions, calls: load?.calls ?? 0, connections: load?.clients ?? 0 };
}

function left(id: string): DrainProgress {
  return { node: id, hasLeft: true, partitions: 0, calls: 0, connections: 0 };
}
