/**
 * The port to the actor library: coarse actors, one per partition or service of a worker. What is told to an actor within
 * one turn of the event loop reaches its handler as one batch. `nact-host.ts` is for production, `sync-host.ts` for the
 * simulator; both pass `test/actors/host.contract.ts`.
 */
export interface ActorHost {
  /**
   * @param name letters, digits and `-$_.+!*'(),`; of one actor at a time.
   * @param handler gets the batches one after the other, in the order told. When it throws the actor is restarted: the
   * rest of the batch is lost, what was told meanwhile is kept.
   * @throws when the name is taken or not allowed, or the host is stopped.
   */
  spawn<Item>(name: string, handler: (batch: readonly Item[]) => void, options: ActorOptions): ActorRef<Item>;
  /** Stops all actors; nothing can be spawned any more. */
  stop(): void;
}

export interface ActorOptions {
  /** Items that wait; what is told beyond is refused. */
  readonly mailboxMax: number;
}

export interface ActorRef<Item> {
  readonly name: string;
  /** Items that wait. */
  readonly depth: number;
  /** `false`: the mailbox is full or the actor is stopped. */
  tell(item: Item): boolean;
  /** What waits is lost, and reported as dead letters. Stopping twice does nothing. */
  stop(): void;
}

/** Hears of what no caller hears of. Must not throw. */
export interface HostReport {
  crashed(name: string, error: unknown): void;
  /** Items refused because the mailbox was full. */
  refused(name: string): void;
  /** Items lost: told to a stopped actor, waiting when it was stopped, or in the batch of a handler that threw. */
  deadLetters(name: string, count: number): void;
}

export const actorName = /^[a-z0-9\-$_.+!*'(),]+$/i;
