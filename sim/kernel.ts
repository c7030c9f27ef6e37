/**
 * Time in the simulator: events ordered by time, those of one time as they were made. Every event belongs to an owner (a process, one of
 * its threads, a phone); the events of an owner that died are dropped, those of one that was stopped (SIGSTOP) wait.
 * The trace hash is over all events that ran, so that two runs of a seed can be compared.
 */
export class Owner {
  readonly name: string;
  readonly parent: Owner | undefined;
  /** The process. */
  readonly root: Owner;
  readonly hash: number;
  readonly #children: Owner[] = [];
  #isAlive = true;
  #isPaused = false;
  /** Called after each of its events. */
  after: (() => void) | undefined;
  readonly held: Event[] = [];

  constructor(name: string, parent?: Owner) {
    this.name = name;
    this.parent = parent;
    let hash = 0x811c9dc5;
    for (let index = 0; index < name.length; index++) hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
    this.hash = hash;
    this.root = parent?.root ?? this;
    if (parent === undefined) return;
    parent.#children.push(this);
    this.#isAlive = parent.#isAlive;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Stopped are whole processes: a thread asks its process. */
  get isPaused(): boolean {
    return this.root.#isPaused;
  }

  /** And all its threads. */
  die(): void {
    this.#isAlive = false;
    this.held.length = 0;
    for (const child of this.#children) child.die();
  }

  pause(): void {
    this.#isPaused = true;
  }

  /** Use Kernel.resume, which gives back what waited. */
  wake(): void {
    this.#isPaused = false;
  }
}

export interface Event {
  readonly atMs: number;
  readonly owner: Owner | undefined;
  readonly run: () => void;
}

/** Of what is due in one page a dozen events are known at a time: hardly anything has to move for a new one. */
const pageMs = 8;
/** Pages that nobody looks for one by one. */
const gapMax = 1_000;

export class Kernel {
  nowMs = 0;
  /** No further event is to run. */
  isHalted = false;
  /** Events that ran. */
  ran = 0;
  /** Told of every event that runs, just before: to find where two runs part. */
  watch: ((owner: Owner | undefined) => void) | undefined;
  #hash = 0x811c9dc5;
  /** The page that time has come to, in order, and the first of its events that has not run. */
  #due: Event[] = [];
  #next = 0;
  #page = 0;
  /** Later ones by their number, each in the order in which its events were made. */
  readonly #pages = new Map<number, Event[]>();

  /** `owner` undefined: the world itself. */
  at(delayMs: number, owner: Owner | undefined, run: () => void): void {
    this.#push({ atMs: this.nowMs + Math.max(0, delayMs), owner, run });
  }

  /** Runs everything up to a time. Stops early when it is halted, or `stop` says so. */
  run(untilMs: number, stop?: () => boolean): void {
    for (;;) {
      if (this.#next === this.#due.length && !this.#turn(untilMs)) break;
      const event = this.#due[this.#next]!;
      if (event.atMs > untilMs) break;
      this.#next++;
      this.nowMs = event.atMs;
      const { owner } = event;
      if (owner !== undefined) {
        if (!owner.isAlive) continue;
        if (owner.isPaused) {
          owner.root.held.push(event);
          continue;
        }
        this.mix(owner.hash);
      }
      this.mix((event.atMs * 1024) | 0);
      this.ran++;
      if (this.watch !== undefined) this.watch(owner);
      event.run();
      if (owner?.after !== undefined) owner.after();
      if (this.isHalted || (stop !== undefined && stop())) return;
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  /** SIGCONT: what came due meanwhile happens now, in its old order. */
  resume(owner: Owner): void {
    owner.wake();
    for (const event of owner.held.splice(0)) this.#push({ ...event, atMs: this.nowMs });
  }

  /** Anything that two runs of a seed must have in common. */
  mix(value: number): void {
    this.#hash = Math.imul(this.#hash ^ value, 0x01000193) ^ (this.#hash >>> 15);
  }

  mixBytes(bytes: Uint8Array): void {
    let hash = bytes.length;
    for (let index = 0; index < bytes.length; index += 7) hash = Math.imul(hash ^ bytes[index]!, 0x01000193);
    this.mix(hash);
  }

  /** Hash over all that happened. */
  get trace(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0');
  }

  /** The event is the newest of all: of those of its time it is the last. */
  #push(event: Event): void {
    const page = Math.floor(event.atMs / pageMs);
    if (page <= this.#page) return insert(this.#due, event);
    const events = this.#pages.get(page);
    if (events === undefined) this.#pages.set(page, [event]);
    else events.push(event);
  }

  /** To the next page that has something, unless it begins later than that. */
  #turn(untilMs: number): boolean {
    if (this.#pages.size === 0) return false;
    const last = Math.floor(untilMs / pageMs);
    let page = this.#page + 1;
    while (page <= last && !this.#pages.has(page)) {
      page++;
      if (page - this.#page > gapMax) page = Math.min(...this.#pages.keys());
    }
    if (page > last) return false;
    const events = this.#pages.get(page)!;
    this.#pages.delete(page);
    this.#due = events.length > 1 ? inOrder(events) : events;
    this.#next = 0;
    this.#page = page;
    return true;
  }
}

function inOrder(events: readonly Event[]): Event[] {
  const ordered: Event[] = [];
  for (const event of events) insert(ordered, event);
  return ordered;
}

function insert(events: Event[], event: Event): void {
  let index = events.length;
  events.push(event);
  for (; index > 0 && events[index - 1]!.atMs > event.atMs; index--) events[index] = events[index - 1]!;
  events[index] = event;
}
