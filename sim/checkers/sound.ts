/**
 * Invariants 35, 37 and 40: no actor breaks, nothing of the server's own is unreadable, no mailbox overflows at this little
 * traffic, and every message it sends is valid to a reader that is not its own.
 * Seen failing with: a Content-Length that is one too small; an assertion that does not hold in fork.ts.
 */
import type { Observer } from '../observe.ts';
import type { History } from '../stage.ts';

const mistakes = new Set(['entity.unreadable', 'dropped-unreadable', 'malformed', 'actor-refused']);

export function sound(world: History): Observer {
  return {
    crashed(node, name, error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      world.fail('sound', 37, `${name} of ${node} broke: ${text}`);
    },
    counted(node, metric) {
      if (mistakes.has(metric)) world.fail('sound', 37, `${node} counts ${metric}`);
    },
    noted(node, level, event, fields) {
      if (level === 'error' && event.startsWith('entity'))
        world.fail('sound', 37, `${node}: ${event} ${JSON.stringify(fields)}`);
    },
    nodeSent(node, _worker, _flow, message, bytes) {
      if (typeof message === 'string')
        world.fail(
          'sound',
          40,
          `${node.id} sends what is no SIP message (${message}): ${bytes.toString('latin1').slice(0, 300)}`,
        );
    },
  };
}
