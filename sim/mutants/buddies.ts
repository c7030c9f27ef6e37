/** Mistakes of the second copies in the memory of a buddy, and of links that break. */
import type { Mutant } from './mutant.ts';

const buddy = { gate: 'buddy', kinds: ['crash', 'worker-crash'], faultSeconds: 20 } as const;
const datagrams = { gate: 'buddy', direct: true, kinds: ['crash', 'worker-crash'], faultSeconds: 20 } as const;
const octets = { linkOctets: true, kinds: ['weather'], nodes: 3, faultSeconds: 20 } as const;

export const buddiesMutants: readonly Mutant[] = [
  {
    name: 'a buddy counts before the store names it',
    file: 'cluster/buddy/replicator.ts',
    line: "    track.wanted = this.#wanted.get(partition) ?? '';\n    this.#tracks.set(partition, track);",
    instead:
      "    track.wanted = this.#wanted.get(partition) ?? '';\n    if (this.#ports.gate === 'buddy') track.relied = track.wanted;\n    this.#tracks.set(partition, track);",
    scenario: 'owners lost while their buddies have the rest',
  },
  {
    name: 'nobody is asked for his copies',
    file: 'cluster/buddy/takeover.ts',
    line: "    if (marker === undefined || marker.buddy === '') return done(",
    instead: "    if (marker === undefined || marker.buddy !== '-') return done(",
    wishes: buddy,
  },
  {
    name: 'copies are forgotten when they are taken',
    file: 'cluster/buddy/tails.ts',
    line: '    return tailWords(epoch, tail.epoch, tail.rows.values());',
    instead:
      '    const words = tailWords(epoch, tail.epoch, tail.rows.values());\n    this.#clear(tail);\n    return words;',
    scenario: 'owners lost while their buddies have the rest',
  },
  {
    name: 'what must be in the store is only in a memory',
    file: 'cluster/buddy/track.ts',
    line: '      (waiter) => waiter.seq <= this.acked && (!waiter.durable || waiter.storeError !== undefined),',
    instead: '      (waiter) => waiter.seq <= this.acked,',
    wishes: buddy,
  },
  {
    name: 'what a silent buddy did not acknowledge is not written',
    file: 'cluster/buddy/replicator.ts',
    line: '    if (track.hasUnsubmitted) this.#write(track);\n  }\n\n  #refuse',
    instead: '  }\n\n  #refuse',
    scenario: 'buddies that say nothing for a moment',
  },
  {
    name: 'the first copy leaves out what came meanwhile',
    file: 'cluster/buddy/replicator.ts',
    line: '    if (track.seq > track.base) this.#copy(track);',
    instead: '',
    scenario: 'owners lost while their buddies have the rest',
  },
  {
    name: 'an acknowledgement counts for more than it says',
    file: 'cluster/buddy/replicator.ts',
    line: '      this.#release(track.ack(seq));',
    instead: '      this.#release(track.ack(track.seq));',
    scenario: 'owners lost while their buddies have the rest',
  },
  {
    name: 'what a buddy gave is not written to the store',
    file: 'cluster/buddy/replicator.ts',
    line: '    for (const [key, value] of rows) track.put(key, value);\n    if (rows.length > 0) this.#write(track);',
    instead: '    void rows;',
    wishes: buddy,
  },
  {
    name: 'a failed write is not tried again',
    file: 'cluster/buddy/replicator.ts',
    line: '      this.#queue.set(track, this.#ports.nowMs() + limits.storeRetryMs);\n',
    instead: '',
    scenario: 'calls answered while the store is full',
  },
  {
    name: 'copies are kept though the store has them',
    file: 'cluster/buddy/replicator.ts',
    line: "    if (buddy === '' || copied <= base) return;",
    instead: "    if (buddy === '' || copied >= base) return;",
    wishes: buddy,
  },
  {
    name: 'a copy is acknowledged though one before it is missing',
    file: 'cluster/buddy/tails.ts',
    line: "return isOrdered ? refused('gap') : ack(tail.seq);",
    instead: "return isOrdered ? refused('gap') : ack(word.seq);",
    wishes: datagrams,
  },
  {
    name: 'a copy that comes again is laid over what came after it',
    file: 'cluster/buddy/tails.ts',
    line: '      if (row[0] <= tail.seq || row[0] <= tail.stored) continue;',
    instead: '',
    wishes: datagrams,
  },
  {
    name: 'a link that comes back writes nothing again',
    file: 'cluster/link-session.ts',
    line: '    this.#unwritten = 0;\n    this.roomBytes',
    instead: '    this.#unwritten = this.#window.length;\n    this.roomBytes',
    wishes: octets,
  },
  {
    name: 'frames are kept though they were acknowledged',
    file: 'cluster/link-session.ts',
    line: '    this.#window.splice(0, count);',
    instead: '',
    scenario: 'links that break all the time',
  },
  {
    name: 'a new process is taken for the one before',
    file: 'cluster/link-session.ts',
    line: '    if (peer.incarnation !== this.peerIncarnation) {',
    instead: '    if (this.peerIncarnation < 0) {',
    scenario: 'nodes that are back before anybody missed them',
  },
  {
    name: 'nothing is numbered anew for a new stream',
    file: 'cluster/link-session.ts',
    line: '      this.#heardStream = peer.stream;\n      this.#heardSeq = 0;',
    instead: '      this.#heardStream = peer.stream;',
    wishes: { ...octets, kinds: ['crash', 'cut'] },
  },
  {
    name: 'a link that fell silent is not noticed',
    file: 'cluster/link.ts',
    line: "    if (nowMs - this.#heardMs >= limits.linkSilenceMs) return this.close('silent', nowMs);\n    if (nowMs - this.#progressMs >= limits.linkSilenceMs) return this.close('not-acknowledged', nowMs);",
    instead: '',
    wishes: octets,
  },
];
