/** Brings the faults of a schedule about among real processes: signals, pipes that are cut, datagrams that are lost. */
import type { Fault } from '../options.ts';
import type { Twin } from './twin.ts';

export class RealFaults {
  readonly counts = new Map<string, number>();
  readonly #twin: Twin;
  readonly #calm;
  #isOver = false;

  constructor(twin: Twin) {
    this.#twin = twin;
    this.#calm = twin.network.weather;
  }

  begin(fault: Fault): void {
    const twin = this.#twin;
    const node = twin.nodes.get(fault.node);
    const runs = node !== undefined && node.isAlive;
    for (const each of twin.observers) each.fault?.(fault);
    switch (fault.kind) {
      case 'crash':
        if (!runs) return;
        this.#count(fault.kind);
        node.kill();
        if (fault.released) twin.release(node);
        return twin.kernel.at(fault.released ? 300 : 300 + fault.forMs, undefined, () => twin.startNode(fault.node));
      case 'pause':
        if (!runs || node.isPaused) return;
        this.#count(fault.kind);
        node.pause();
        return this.#later(fault.forMs, () => node.isAlive && node.wake());
      case 'drain':
        if (!runs || node.isPaused || !node.isReady || twin.liveNodes().length < 2) return;
        this.#count(fault.kind);
        twin.drain(node);
        return this.#later(fault.forMs + 3_000, () => this.#comeBack(fault.node));
      case 'cut':
        this.#count(fault.kind);
        return this.#cut(fault.node, fault.other, fault.forMs, true);
      case 'one-way-cut':
        this.#count(fault.kind);
        return this.#cut(fault.node, fault.other, fault.forMs, false);
      case 'isolate':
        this.#count(fault.kind);
        this.#cutStore(fault.node, fault.forMs);
        return this.#cut(fault.node, fault.other, fault.forMs, true);
      case 'island':
        this.#count(fault.kind);
        this.#cutStore(fault.node, fault.forMs);
        for (const other of twin.nodes.keys()) this.#cut(fault.node, other, fault.forMs, true);
        return;
      case 'store-cut':
        this.#count(fault.kind);
        return this.#cutStore(fault.node, fault.forMs);
      case 'store-down':
        this.#count(fault.kind);
        for (const id of twin.nodes.keys()) this.#cutStore(id, fault.forMs);
        return;
      case 'store-slow':
        this.#count(fault.kind);
        for (const way of twin.storeWays.values()) way.delayMs = fault.forMs >= 5_000 ? 200 : 50;
        return this.#later(fault.forMs, () => {
          for (const way of twin.storeWays.values()) way.delayMs = 0;
        });
      case 'weather':
        if (fault.weather === undefined) return;
        this.#count(fault.kind);
        twin.network.weather = fault.weather;
        return this.#later(fault.forMs, () => (twin.network.weather = this.#calm));
      default:
        throw new Error(`${fault.kind} is no fault for real processes`);
    }
  }

  healAll(): void {
    const twin = this.#twin;
    this.#isOver = true;
    for (const way of twin.storeWays.values()) {
      way.isCut = false;
      way.delayMs = 0;
    }
    // From here on everything must come right, so chance loses nothing any more.
    twin.network.weather = { ...this.#calm, loss: 0 };
    twin.links.healAll();
    for (const [id, node] of twin.nodes) {
      if (node.isAlive && node.isPaused) node.wake();
      this.#comeBack(id);
    }
  }

  #comeBack(id: string): void {
    const twin = this.#twin;
    const node = twin.nodes.get(id);
    // A drain that has not come to its end goes on to it first; what runs stays.
    if (node?.isAlive === true) {
      if (node.isDraining) twin.kernel.at(200, undefined, () => this.#comeBack(id));
      return;
    }
    twin.startNode(id);
  }

  #cut(from: string, to: string, forMs: number, both: boolean): void {
    const { links } = this.#twin;
    if (from === to) return;
    links.cut(from, to);
    if (both) links.cut(to, from);
    this.#later(forMs, () => {
      links.heal(from, to);
      links.heal(to, from);
    });
  }

  #cutStore(id: string, forMs: number): void {
    const way = this.#twin.storeWays.get(id);
    if (way === undefined) return;
    way.isCut = true;
    this.#later(forMs, () => (way.isCut = false));
  }

  #later(delayMs: number, run: () => void): void {
    this.#twin.kernel.at(delayMs, undefined, () => {
      if (!this.#isOver) run();
    });
  }

  #count(kind: string): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
  }
}
