/**
 * Actors on nact. One message of nact costs a turn of the event loop, two promises and some objects, and an actor of it
 * some kilobytes, so there is one nact actor for each host: what is told to any of its cells within a turn makes one
 * message, and the actor runs the cells that have something, each with its batch. What breaks in a cell is thrown on when
 * the others had their turn; nact's supervision restarts the actor then. The queues, their bounds and the dead letters are
 * ours: nact has none.
 */
import { type ActorSystemRef, dispatch, type Ref, spawn, start, stop, type SupervisionContext } from 'nact';
import { Cell } from './cell.ts';
import { type ActorHost, type ActorOptions, type ActorRef, actorName, type HostReport } from './host.ts';

const cellsWait = 'cells wait';

interface Ready {
  runBatch(): void;
}

export class NactHost implements ActorHost {
  readonly #system: ActorSystemRef;
  readonly #actor: Ref<string>;
  readonly #report: HostReport;
  readonly #cells = new Map<string, { stop(): void }>();
  #ready: Ready[] = [];
  #isRunning = false;
  #stopped = false;

  /** @param systemName of this host alone within the process: nact keeps its systems in one global table. */
  constructor(systemName: string, report: HostReport) {
    this.#system = startNamed(systemName);
    this.#report = report;
    this.#actor = spawn(this.#system, this.#turn, 'cells', { initialState: null, onCrash: restart });
  }

  spawn<Item>(name: string, handler: (batch: readonly Item[]) => void, options: ActorOptions): ActorRef<Item> {
    if (this.#stopped) throw new Error('the host is stopped');
    if (!actorName.test(name)) throw new Error(`not a name for an actor: ${name}`);
    if (this.#cells.has(name)) throw new Error(`there is an actor named ${name}`);
    const cell: Cell<Item> = new Cell(name, handler, options.mailboxMax, this.#report, {
      ready: () => {
        if (this.#ready.push(cell) === 1 && !this.#isRunning) dispatch(this.#actor, cellsWait);
      },
      ended: () => this.#cells.delete(name),
    });
    this.#cells.set(name, cell);
    return cell;
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    for (const cell of [...this.#cells.values()]) cell.stop();
    stop(this.#actor);
    stop(this.#system);
  }

  /** @throws what the first of the cells has thrown. */
  readonly #turn = (): null => {
    let failure: { readonly error: unknown } | undefined;
    this.#isRunning = true;
    for (let round = 0; round < roundsMax && this.#ready.length > 0; round++) {
      const ready = this.#ready;
      this.#ready = [];
      for (const cell of ready) {
        try {
          cell.runBatch();
        } catch (error) {
          failure ??= { error };
        }
      }
    }
    this.#isRunning = false;
    if (this.#ready.length > 0) dispatch(this.#actor, cellsWait);
    if (failure !== undefined) throw failure.error;
    return null;
  };
}

/** What cells tell each other is heard in the same turn, so often: then sockets and timers are to be heard. */
const roundsMax = 4;

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
