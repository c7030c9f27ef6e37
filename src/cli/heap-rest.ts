/**
 * How much of a heap one collection may move to empty its pages: as much as V8 thinks right while the process works, since all
 * that it does waits meanwhile, and more once it has hardly anything to do. What a burst left of a heap, few objects in many
 * pages, then goes back to the machine in a few collections. When these are is V8's matter: one begins 100 s after the
 * last one of a heap that has had more since, and so on until they are as many as are allowed here. What they free outside
 * of the heaps the allocator of C keeps, until it is told.
 */
import { setFlagsFromString } from 'node:v8';
import { loadAddon } from '../io/native/addon.ts';
import { limits } from '../limits.ts';

export interface HeapRestPorts {
  /** Processor time that the process has used, all threads together, and the time that has passed; milliseconds. */
  usedMs(): number;
  nowMs(): number;
  /** Applies to the heaps of all threads. */
  setFlag(flag: string): void;
  /** The allocator of C gives back what is free. */
  trim(): void;
}

export class HeapRest {
  readonly #ports: HeapRestPorts;
  #usedMs: number;
  #lookedAtMs: number;
  /** 0: at work. */
  #looksAtRest = 0;

  constructor(ports: HeapRestPorts) {
    this.#ports = ports;
    this.#usedMs = ports.usedMs();
    this.#lookedAtMs = ports.nowMs();
  }

  /** To be called every `limits.heapRestLookMs`. */
  look(): void {
    const [usedMs, nowMs] = [this.#ports.usedMs(), this.#ports.nowMs()];
    const atRest = usedMs - this.#usedMs <= (nowMs - this.#lookedAtMs) * limits.heapRestShareMax;
    this.#usedMs = usedMs;
    this.#lookedAtMs = nowMs;
    const wasAtRest = this.#looksAtRest > 0;
    this.#looksAtRest = atRest ? this.#looksAtRest + 1 : 0;
    if (atRest && this.#looksAtRest % trimLooks === 0 && this.#looksAtRest <= limits.heapRestTrimsMax * trimLooks)
      this.#ports.trim();
    if (atRest === wasAtRest) return;
    for (const { name, usual, rest } of flags) this.#ports.setFlag(`--${name}=${atRest ? rest : usual}`);
  }
}

/** Some looks after rest began, and each time again. */
const trimLooks = 3;

/** `usual` is what V8 begins with. They are read whenever a collection is planned. */
const flags = [
  { name: 'compaction-max-evacuated-bytes-mb-for-reduce-memory', usual: 12, rest: limits.heapRestMovedMb },
  { name: 'memory-reducer-gc-count', usual: 2, rest: limits.heapRestCollectionsMax },
];

/** For this process, until it ends. Without flags where V8 does not know them (Node 24), without the allocator where there is no addon. */
export function watchHeapRest(): void {
  const addon = loadAddon();
  const [major = 0] = process.versions.v8.split('.').map(Number);
  const rest = new HeapRest({
    usedMs: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1_000;
    },
    nowMs: () => performance.now(),
    setFlag: major < 14 ? () => {} : setFlagsFromString,
    trim: typeof addon === 'string' ? () => {} : () => addon.trim(),
  });
  setInterval(() => rest.look(), limits.heapRestLookMs).unref();
}
