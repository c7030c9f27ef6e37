/** Brings the faults of a schedule about, each for its time, and heals whatever is left of them. */
import type { Fault } from './options.ts';
import type { LineFault } from './phone/habits.ts';
import type { World } from './world.ts';

export class Faults {
  readonly #world: World;
  readonly #calm;
  #isOver = false;

  constructor(world: World) {
    this.#world = world;
    this.#calm = world.network.weather;
  }

  begin(fault: Fault): void {
    if (fault.onWrite) this.#world.store.onWrite.set(fault.node, () => !this.#isOver && this.#strike(fault));
    else this.#strike(fault);
  }

  #strike(fault: Fault): void {
    const world = this.#world;
    const node = world.nodes.get(fault.node);
    if (fault.onWrite) world.losses.struck(fault, world.kernel.nowMs);
    for (const each of world.observers) each.fault?.(fault);
    switch (fault.kind) {
      case 'crash':
        if (node === undefined || !node.isAlive) return;
        node.end('killed', !fault.released);
        if (fault.released) world.store.releaseDead(node.id, node.incarnation);
        return world.kernel.at(fault.released ? 300 : 300 + fault.forMs, undefined, () => world.startNode(fault.node));
      case 'worker-crash':
        if (node?.isAlive === true && !node.isPaused) node.crashWorker(fault.worker);
        return;
      case 'pause':
        if (node === undefined || !node.isAlive || node.isPaused) return;
        node.owner.pause();
        world.links.watch();
        return this.#later(fault.forMs, () => this.#wake(fault.node));
      case 'drain':
        if (world.liveNodes().length < 2 || node === undefined || !node.isAlive || node.isPaused) return;
        world.resting.add(fault.node);
        node.drain();
        return this.#later(fault.forMs + 3_000, () => this.#comeBack(fault.node));
      case 'cut':
        return this.#cut(fault, true);
      case 'one-way-cut':
        return this.#cut(fault, false);
      case 'isolate':
        this.#cutStore(fault);
        return this.#cut(fault, true);
      case 'island': {
        this.#cutStore(fault);
        for (const other of world.nodes.keys()) this.#cut({ ...fault, other }, true);
        return;
      }
      case 'store-down':
        // Refused at once, or packets to it are lost.
        return this.#later(fault.forMs, world.store.goDown(!fault.released));
      case 'store-cut':
        return this.#cutStore(fault);
      case 'store-full':
        world.store.isFull = true;
        return this.#later(fault.forMs, () => (world.store.isFull = false));
      case 'store-eio':
        world.store.isBroken = true;
        return this.#later(fault.forMs, () => (world.store.isBroken = false));
      case 'store-hung':
        return world.store.hang(fault.forMs);
      case 'store-slow':
        world.store.slow(fault.forMs >= 5_000 ? 'much' : 'some');
        return this.#later(fault.forMs, () => world.store.slow(undefined));
      case 'redis-failover':
        return world.store.failOver(fault.tailMs, !fault.released, fault.forMs);
      case 'weather':
        if (fault.weather !== undefined) world.network.weather = fault.weather;
        return this.#later(fault.forMs, () => (world.network.weather = this.#calm));
      case 'store-wiped':
        return world.store.wipe();
      case 'clock':
        return; // Machines whose dates are wrong: see SimOptions.dateErrorMs.
    }
  }

  strikeLine({ phone, kind }: LineFault): void {
    const socket = this.#world.phones.get(phone)?.line?.socket;
    if (kind === 'reset') socket?.resets();
    else socket?.fallsSilent();
  }

  healAll(): void {
    const world = this.#world;
    // Whatever fell silent says so now: a system that is reached again does.
    for (const { line } of world.phones.values())
      if (line?.socket !== undefined && line.socket.lostAtMs > 0) line.socket.resets();
    this.#isOver = true;
    world.store.healAll();
    // From here on everything must come right, so chance loses nothing any more.
    world.network.weather = { ...this.#calm, loss: 0 };
    world.links.healAll();
    world.resting.clear();
    for (const id of [...world.nodes.keys()]) {
      this.#wake(id);
      // Drains that have not come to their end go on to it first.
      if (world.nodes.get(id)?.loop.control.draining === true)
        world.kernel.at(100, undefined, () => this.#comeBack(id));
      else world.startNode(id);
    }
  }

  #cutStore(fault: Fault): void {
    this.#world.store.cut(fault.node);
    this.#later(fault.forMs, () => this.#world.store.mend(fault.node));
  }

  #cut(fault: Fault, both: boolean): void {
    const { links } = this.#world;
    if (fault.node === fault.other) return;
    links.cut(fault.node, fault.other);
    if (both) links.cut(fault.other, fault.node);
    this.#later(fault.forMs, () => {
      links.heal(fault.node, fault.other);
      links.heal(fault.other, fault.node);
    });
  }

  #wake(id: string): void {
    const node = this.#world.nodes.get(id);
    if (node === undefined || !node.isAlive || !node.isPaused) return;
    this.#world.kernel.resume(node.owner);
    this.#world.links.watch();
  }

  #comeBack(id: string): void {
    const world = this.#world;
    world.resting.delete(id);
    if (world.nodes.get(id)?.isAlive === true) world.kernel.at(200, undefined, () => this.#comeBack(id));
    else world.startNode(id);
  }

  #later(delayMs: number, run: () => void): void {
    this.#world.kernel.at(delayMs, undefined, () => {
      if (!this.#isOver) run();
    });
  }
}
