/**
 * Actors on nact. Each is a child of the system's root, because nact copies the children of an actor for every message it
 * handles; each gets one nact message per batch, because nact spends an event loop turn on every message. Its restarts are
 * nact's supervision. The queue, its bound and the dead letters are ours: nact has none.
 */
import { type ActorSystemRef, dispatch, type Ref, spawn, start, stop, type SupervisionContext } from 'nact';
import { Cell } from './cell.ts';
import { type ActorHost, type ActorOptions, type ActorRef, actorName, type HostReport } from './host.ts';

const batchWaits = 'batch waits';

export class NactHost implements ActorHost {
  readonly #system: ActorSystemRef;
  readonly #report: HostReport;
  readonly #cells = new Map<string, { stop(): void }>();
  #stopped = false;

  /** @param systemName of this host alone within the process: nact keeps its systems in one global table. */
  constructor(systemName: string, report: HostReport) {
    this.#system = startNamed(systemName);
    this.#report = report;
  }

  spawn<Item>(name: string, handler: (batch: readonly Item[]) => void, options: ActorOptions): ActorRef<Item> {
    if (this.#stopped) throw new Error('the host is stopped');
    if (!actorName.test(name)) throw new Error(`not a name for an actor: ${name}`);
    const runBatch = (): null => {
      cell.runBatch();
      return null;
    };
    // Throws when the name is taken.
    const actor: Ref<string> = spawn(this.#system, runBatch, name, { initialState: null, onCrash: restart });
    const cell: Cell<Item> = new Cell(name, handler, options.mailboxMax, this.#report, {
      ready: () => dispatch(actor, batchWaits),
      ended: () => {
        this.#cells.delete(name);
        stop(actor);
      },
    });
    this.#cells.set(name, cell);
    return cell;
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    for (const cell of [...this.#cells.values()]) cell.stop();
    stop(this.#system);
  }
}

function restart(
  _message: unknown,
  _error: Error | undefined,
  context: SupervisionContext<unknown, ActorSystemRef>,
): Symbol {
  return context.reset;
}

/** The code of nact 7.6.2 reads the name from an object; its types know only a string, which it would ignore. */
function startNamed(name: string): ActorSystemRef {
  return start({ name } as unknown as string);
}
