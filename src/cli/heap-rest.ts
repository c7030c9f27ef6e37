/**
 * How much of a heap one collection may move to empty its pages: as much as V8 thinks right while the process works, since all
 * that it does waits meanwhile, and more once it has hardly anything to do. What a burst left of a heap, few objects in many
 * pages, then goes back to the machine in a few collections. When these are is V8's matter: one begins 100 s after the
 * last one of a heap that has had more since, and so on until they are as many as are allowed here.
 */
import { setFlagsFromString } from 'node:v8';
import { limits } from '../limits.ts';

export interface HeapRestPorts {
  /** Processor time that the process has used, all threads together, and the time that has passed; milliseconds. */
  usedMs(): number;
  nowMs(): number;
  /** Applies to the heaps of all threads. */
  setFlag(flag: string): void;
}

export class HeapRest {
  readonly #ports: HeapRestPorts;
  #usedMs: number;
  #lookedAtMs: number;
  #atRest = false;

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
    if (atRest === this.#atRest) return;
    this.#atRest = atRest;
    for (const { name, usual, rest } of flags) this.#ports.setFlag(`--${name}=${atRest ? rest : usual}`);
  }
}

/** `usual` is what V8 begins with. They are read whenever a collection is planned. */
const flags = [
  { name: 'compaction-max-evacuated-bytes-mb-for-reduce-memory', usual: 12, rest: limits.heapRestMovedMb },
  { name: 'memory-reducer-gc-count', usual: 2, rest: limits.heapRestCollectionsMax },
];

/** For this process, until it ends. Does nothing where V8 does not know these flags (Node 24). */
export function watchHeapRest(): void {
  const [major = 0] = process.versions.v8.split('.').map(Number);
  if (major < 14) return;
  const rest = new HeapRest({
    usedMs: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1_000;
    },
    nowMs: () => performance.now(),
    setFlag: setFlagsFromString,
  });
  setInterval(() => rest.look(), limits.heapRestLookMs).unref();
}
