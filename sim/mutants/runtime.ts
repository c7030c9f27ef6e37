/** Mistakes of the runtime of the actors: gate, writes, timers, sleep, asks, edge, limits. */
import type { Mutant } from './mutant.ts';

export const runtimeMutants: readonly Mutant[] = [
  {
    name: 'an entity that asks is not woken by its next owner',
    file: 'actors/saver.ts',
    line: '  if (life.asks.length > 0) return nowMs;',
    instead: '',
    wishes: { kinds: ['drain'] },
  },
  {
    name: 'removals are not written',
    file: 'actors/saver.ts',
    line: '      if (slot.stored) return null;',
    instead: '      if (slot.stored) return undefined;',
  },
  {
    name: 'the wheel does not mind a clock set back',
    file: 'actors/wheel.ts',
    line: '    if (target < this.#tick - rewindTicks) this.#rewind(target);',
    instead: '',
  },
  {
    name: 'only the owner takes a CANCEL',
    file: 'actors/edge.ts',
    line: '    if (answer === undefined) return this.#deliver(addressOf(message), message, flow);',
    instead:
      "    if (answer === undefined && message.method === 'CANCEL') return this.#deliver({ kind: 'call', key: flow.address }, message, flow);\n    if (answer === undefined) return this.#deliver(addressOf(message), message, flow);",
  },
  {
    name: 'only the owner takes a response',
    file: 'actors/edge.ts',
    line: "    this.#deliver({ kind: 'call', key: message.callId }, message, flow);\n  }\n\n  #request",
    instead:
      "    this.#deliver({ kind: 'call', key: message.cseqMethod === 'INFO' ? flow.address : message.callId }, message, flow);\n  }\n\n  #request",
  },
  {
    name: 'a hand-off does not wait for the last writes',
    file: 'actors/partition.ts',
    line: '    this.#entities.saveAll(false);\n    this.#checkFrozen();',
    instead: "    this.#entities.saveAll(false);\n    this.#reportFrozen('ok');",
    wishes: { kinds: ['drain'] },
  },
  {
    name: 'a hand-off writes nothing',
    file: 'actors/partition.ts',
    line: '    this.#entities.saveAll(false);\n    this.#checkFrozen();',
    instead: '    this.#checkFrozen();',
    wishes: { kinds: ['drain'] },
  },
  {
    name: 'what comes while a partition is frozen is lost',
    file: 'actors/partition.ts',
    line: '  deliver(envelope: Envelope): boolean {\n    if (this.#closed) return false;',
    instead:
      '  deliver(envelope: Envelope): boolean {\n    if (this.#closed || this.#frozen !== undefined) return false;',
    wishes: { kinds: ['drain'] },
  },
  {
    name: 'the gate opens a version too early',
    file: 'actors/gate.ts',
    line: '    if (gated) this.#needed = this.#version;',
    instead: '    if (gated) this.#needed = this.#version - 1;',
  },
  {
    name: 'the gate forgets what it holds',
    file: 'actors/gate.ts',
    line: '    this.#held.push({ version: this.#needed, effect });',
    instead: '',
  },
  {
    name: 'a failed write is not tried again',
    file: 'actors/saver.ts',
    line: '        life.submittedVersion = life.storedVersion;\n        this.#dirty.add(slot);',
    instead: '        life.submittedVersion = life.storedVersion;',
    wishes: { kinds: ['store-full', 'store-cut', 'crash'] },
  },
  {
    name: 'a broken promise is kept all the same',
    file: 'actors/saver.ts',
    line: '    if (!ok && life.hasPromise(version)) this.#owner.promiseBroken(slot);\n    else {',
    instead: '    {',
    wishes: { kinds: ['store-full', 'crash'] },
  },
  {
    name: 'lazy changes are never written',
    file: 'actors/saver.ts',
    line: '    this.#ports.wheel.schedule(this.#lazy, this.#ports.clock.clusterMs() + limits.lazySaveMs);',
    instead: '',
    wishes: { kinds: ['crash', 'worker-crash'] },
  },
  {
    name: 'timers of what was taken over wait for an input',
    file: 'actors/entities.ts',
    line: '    if (snapshot.wakeAtMs > 0) this.#armWakeUp(slot, snapshot.wakeAtMs);',
    instead: '',
    wishes: { kinds: ['crash'] },
  },
  {
    name: 'an entity falls asleep with its timers',
    file: 'actors/entities.ts',
    line: '      if (wakeAtMs > 0) this.#armWakeUp(slot, wakeAtMs);\n    } catch',
    instead: '    } catch',
  },
  {
    name: 'an entity falls asleep with what it has not written',
    file: 'actors/entities.ts',
    line: '      if (packed !== slot.packed) slot.unsaved = true;\n',
    instead: '',
  },
  {
    name: 'a cleared timer fires',
    file: 'actors/entities.ts',
    line: '        if (life === undefined || life.timerNamed(item.name) !== item) return false;\n        life.timers.splice(life.timers.indexOf(item), 1);',
    instead:
      '        if (life === undefined) return false;\n        if (life.timerNamed(item.name) === item) life.timers.splice(life.timers.indexOf(item), 1);',
  },
  {
    name: 'a timer that is armed anew keeps its old time',
    file: 'actors/entities.ts',
    line: '        this.#ports.wheel.cancel(armed);\n        life.timers.splice(life.timers.indexOf(armed), 1);',
    instead: '        life.timers.splice(life.timers.indexOf(armed), 1);',
  },
  {
    name: 'asks are not repeated',
    file: 'actors/asks.ts',
    line: '    this.#wheel.schedule(ask, Math.min(nowMs + limits.askRetryMs, ask.deadlineMs));\n    this.#owner.post(ask.envelope);',
    instead: '    this.#wheel.schedule(ask, Math.min(nowMs + limits.askRetryMs, ask.deadlineMs));',
    scenario: 'worker restarts',
  },
  {
    name: 'asks are never given up',
    file: 'actors/asks.ts',
    line: '      this.#owner.askExpired(ask.slot, ask.envelope.asker.id);',
    instead: '',
    wishes: { kinds: ['store-cut', 'store-down'] },
  },
  {
    name: 'a mailbox of two',
    file: 'src/limits.ts',
    line: '  mailboxItemsPerEntityMax: 64,',
    instead: '  mailboxItemsPerEntityMax: 2,',
  },
  {
    name: 'urgent items come last',
    file: 'actors/mailbox.ts',
    line: "    case 'ACK':\n    case 'BYE':\n    case 'CANCEL':\n    case 'PRACK':\n      return urgency.urgent;",
    instead: "    case 'ACK':\n    case 'BYE':\n    case 'CANCEL':\n    case 'PRACK':\n      return urgency.newWork;",
  },
  {
    name: 'no quiet after a takeover',
    file: 'src/limits.ts',
    line: '  takeoverQuietMs: 250,',
    instead: '  takeoverQuietMs: 0,',
    wishes: { kinds: ['crash'] },
  },
];
