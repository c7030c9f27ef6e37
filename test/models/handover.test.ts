/** Hand-off, takeover and the gate between them, in any order of events; and proof that the model sees mistakes. */
import { checkModel } from './check.ts';

checkModel(
  'handover',
  [
    { file: 'actors/gate.ts', line: 'this.#passed >= this.#needed', instead: 'this.#needed >= 0' },
    { file: 'actors/gate.ts', line: 'this.#held[count]!.version <= version', instead: 'true' },
    {
      file: 'actors/partition.ts',
      line: 'if (this.#closed || this.#frozen !== undefined) return false;\n    this.#drainCalled = true;',
      instead: 'if (this.#closed) return false;\n    this.#drainCalled = true;',
    },
    { file: 'actors/partition.ts', line: 'if (this.#mailbox.size > 0) this.#callDrain();', instead: '' },
    {
      file: 'actors/partition.ts',
      line: 'if (this.#entities.saver.isClean) this.#reportFrozen',
      instead: 'this.#reportFrozen',
    },
    {
      file: 'actors/saver.ts',
      line: 'return this.#dirty.size === 0 && this.#writesInFlight === 0;',
      instead: 'return this.#dirty.size === 0;',
    },
    { file: 'actors/saver.ts', line: 'version === life.submittedVersion', instead: 'false' },
    {
      file: 'actors/entities.ts',
      line: 'if (snapshot.wakeAtMs > 0) this.#armWakeUp',
      instead: 'if (false) this.#armWakeUp',
    },
    { file: 'cluster/hosted.ts', line: 'return [...hosted.partition.takeHeld(), ...held];', instead: 'return held;' },
    { file: 'cluster/hosted.ts', line: 'if (hosted.partition === undefined) return done();', instead: '' },
    { file: 'cluster/hosted.ts', line: 'hosted.epoch === epoch && hosted.partition', instead: 'hosted.partition' },
  ],
  300,
);
