/**
 * Mistakes of one line, each of which some seed must find: a mistake that survives means that a checker is missing, or a
 * situation never comes up. The line must be in its file exactly so; when it has changed, the mutant must change with it.
 */
export interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly line: string;
  readonly instead: string;
  /** Why no seed has seen it yet; it does not count as a survivor then. */
  readonly unseen?: string;
}

export const mutants: readonly Mutant[] = [
  {
    name: 'no gate for calls',
    file: 'actors/call/save.ts',
    line: "  act.turn.save('store');",
    instead: "  act.turn.save('none');",
  },
  {
    name: 'calls are never saved',
    file: 'actors/call/snapshot.ts',
    line: '  if (state.dialogs.size === 0 && state.contexts.size === 0) return null;',
    instead: '  return null;',
  },
  {
    name: 'dialogs are not in the snapshot',
    file: 'actors/call/snapshot.ts',
    line: '  return [schema, state.nextContext, state.saved, state.dialogs.pack(), contexts];',
    instead: '  return [schema, state.nextContext, state.saved, [], contexts];',
    unseen: 'routing needs no dialog: the proof in the route set is enough; only listings would show it',
  },
  {
    name: 'a cancelled call forgets that on its way to another node',
    file: 'actors/call/snapshot.ts',
    line: '    context.cancelled,',
    instead: "    '',",
    unseen: 'the branches answer 487 all the same; only a 408 for no answer would differ',
  },
  {
    name: 'the final status is not in the snapshot',
    file: 'actors/call/snapshot.ts',
    line: '    context.finalStatus,',
    instead: '    0,',
  },
  {
    name: 'branches carry the moment',
    file: 'actors/call/copy.ts',
    line: '    `${act.state.callId}\\0${request.cseq}\\0${identity}`,',
    instead: '    `${act.state.callId}\\0${request.cseq}\\0${identity}\\0${act.turn.nowMs}`,',
    unseen: 'a call is stored before its INVITE leaves, so no node begins it twice unless the store failed',
  },
  {
    name: 'timer B is a tenth',
    file: 'src/transaction/timers.ts',
    line: 'export const transactionTimeoutMs = 64 * T1;',
    instead: 'export const transactionTimeoutMs = 6 * T1;',
  },
  {
    name: 'repetitions come five times as often',
    file: 'src/transaction/timers.ts',
    line: 'export const T1 = 500;',
    instead: 'export const T1 = 100;',
  },
  {
    name: 'the latch is never set',
    file: 'cluster/membership.ts',
    line: '    this.latched = true;',
    instead: '    this.latched = false;',
    unseen: 'needs peers that confirm a node whose death they have not heard of',
  },
  {
    name: 'a node acts for its whole lease and longer',
    file: 'cluster/membership.ts',
    line: '    return this.#leasedMs + limits.leaseTtlMs - limits.leaseMarginMs;',
    instead: '    return this.#leasedMs + limits.leaseTtlMs * 3;',
  },
  {
    name: 'packets leave though the node may not act',
    file: 'cluster/sip-worker.ts',
    line: "        if (!ports.serving()) return ports.count('dropped-not-serving');\n        this.#transmit",
    instead: '        this.#transmit',
    unseen: 'needs an acknowledgement that waits through a pause in which the node dies',
  },
  {
    name: 'a vote kills in spite of the lease',
    file: 'cluster/stores/memory.ts',
    line: "    if (member.leaseUntilMs > nowMs) return 'noted';",
    instead: '',
  },
  {
    name: 'a third of the votes is enough',
    file: 'cluster/stores/memory.ts',
    line: "      if (voters.size > 0 && count < Math.ceil(voters.size / 2)) return 'noted';",
    instead: "      if (voters.size > 0 && count < Math.ceil(voters.size / 3)) return 'noted';",
    unseen: 'needs a node that some peers hear and some do not, without the store',
  },
  {
    name: 'the store takes writes of any owner',
    file: 'cluster/stores/memory.ts',
    line: '      if (sealed.epoch !== epoch || sealed.owner !== owner) return { fencedBy: sealed.epoch };',
    instead: '',
  },
  {
    name: 'seals need no higher epoch',
    file: 'cluster/stores/memory.ts',
    line: '      if (sealed.epoch >= epoch) return sealed.epoch;',
    instead: '      if (sealed.epoch > epoch) return sealed.epoch;',
    unseen: 'two nodes must claim one partition under one epoch',
  },
  {
    name: 'held items are lost in a hand-off',
    file: 'cluster/hosted.ts',
    line: '      for (const envelope of held) this.#ports.elsewhere(number, envelope);',
    instead: '',
    unseen: 'phones repeat what is lost',
  },
  {
    name: 'a hub that never tries again',
    file: 'cluster/hub.ts',
    line: '    this.#waiting.push({ partition, hops, payload: payload.slice(), sinceMs: this.#ports.nowMs() });',
    instead: '',
    unseen: 'phones repeat what is lost',
  },
  {
    name: 'a dead worker keeps its partitions in the hub',
    file: 'cluster/hub.ts',
    line: '      if (this.#workerOf[partition] === worker) this.#workerOf[partition] = -1;\n  }\n\n  adopt',
    instead: '      if (this.#workerOf[partition] === -2) this.#workerOf[partition] = -1;\n  }\n\n  adopt',
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
    name: 'removed contacts are kept',
    file: 'actors/aor/behaviour.ts',
    line: '  state.bindings = result.bindings;',
    instead: '  state.bindings = result.bindings.length < state.bindings.length ? state.bindings : result.bindings;',
  },
  {
    name: 'no CANCEL for the branches that lost',
    file: 'actors/call/branch-response.ts',
    line: '    cancelOthers(act, context, branch, \'SIP;cause=200;text="Call completed elsewhere"\');',
    instead: '',
  },
  {
    name: 'only the first 2xx is relayed',
    file: 'actors/call/branch-response.ts',
    line: '    relay(act, context, response);\n    act.turn.clearTimer(`N ${context.id}`);',
    instead: '    if (first) relay(act, context, response);\n    act.turn.clearTimer(`N ${context.id}`);',
  },
  {
    name: 'the no-answer time is not kept',
    file: 'actors/call/fork.ts',
    line: '    act.turn.timer(`N ${context.id}`, context.noAnswerAtMs);',
    instead: '',
  },
  {
    name: 'tables are adopted whatever their epoch',
    file: 'cluster/stores/memory.ts',
    line: '    if (current.epoch !== expectEpoch || current.nonce !== expectNonce) {',
    instead: '    if (current.epoch < 0) {',
  },
  {
    name: 'Max-Forwards is written anew',
    file: 'src/proxy/forward.ts',
    line: '  copy.maxForwards(request.maxForwards < 0 ? maxForwardsDefault : request.maxForwards - 1);',
    instead: '  copy.maxForwards(70);',
  },
  {
    name: 'a BYE ends no dialog',
    file: 'actors/call/branch-response.ts',
    line: '  act.state.dialogs.remove(dialog);',
    instead: '',
  },
  {
    name: 'a late 200 brings the dialog back',
    file: 'actors/call/branch-response.ts',
    line: "    if (request.toTag !== '') return false;",
    instead: '',
  },
  {
    name: 'ACKs to a 2xx go nowhere',
    file: 'actors/call/ack.ts',
    line: '  act.turn.send(copy.flow, copy.bytes);',
    instead: '',
  },
  {
    name: 'refusals are not acknowledged',
    file: 'actors/call/act.ts',
    line: '    if (!isFailure(invite)) this.turn.send(tx.flow, buildAck(invite, this.message));',
    instead: '',
  },
  {
    name: 'registrations are promised before they are stored',
    file: 'actors/aor/behaviour.ts',
    line: "  turn.save('store', { durable: result.changed === 'change', promisedTo });",
    instead: "  turn.save('none', { durable: result.changed === 'change', promisedTo });",
  },
  {
    name: 'a takeover reads nothing',
    file: 'cluster/hosted.ts',
    line: '    partition.load(rows);',
    instead: '',
  },
  {
    name: 'refusals are not repeated',
    file: 'src/transaction/invite-server.ts',
    line: "      '3xx-6xx': go('completed', send, start('G'), start('H')),",
    instead: "      '3xx-6xx': go('completed', send, start('H')),",
  },
  {
    name: 'INVITEs are not repeated',
    file: 'src/transaction/invite-client.ts',
    line: "  go('calling', send, start('A'), start('B')),",
    instead: "  go('calling', send, start('B')),",
  },
  {
    name: 'requests are not repeated',
    file: 'src/transaction/client.ts',
    line: "  go('trying', send, start('E'), start('F')),",
    instead: "  go('trying', send, start('F')),",
  },
  {
    name: 'timer H is dropped',
    file: 'src/transaction/invite-server.ts',
    line: "      '3xx-6xx': go('completed', send, start('G'), start('H')),",
    instead: "      '3xx-6xx': go('completed', send, start('G')),",
    unseen: 'phones acknowledge everything',
  },
  {
    name: 'only the owner takes a CANCEL',
    file: 'actors/edge.ts',
    line: '    if (answer === undefined) return this.#deliver(addressOf(message), message, flow);',
    instead:
      "    if (answer === undefined && message.method === 'CANCEL') return this.#deliver({ kind: 'call', key: flow.address }, message, flow);\n" +
      '    if (answer === undefined) return this.#deliver(addressOf(message), message, flow);',
  },
  {
    name: 'only the owner takes a response',
    file: 'actors/edge.ts',
    line: "    this.#deliver({ kind: 'call', key: message.callId }, message, flow);\n  }\n\n  #request",
    instead:
      "    this.#deliver({ kind: 'call', key: message.cseqMethod === 'INFO' ? flow.address : message.callId }, message, flow);\n  }\n\n  #request",
  },
  {
    name: 'the next owner keeps no no-answer time',
    file: 'actors/call/behaviour.ts',
    line: '    if (context.noAnswerAtMs !== 0 && context.finalStatus === 0) turn.timer(`N ${context.id}`, context.noAnswerAtMs);',
    instead: '',
  },
  {
    name: 'a predecessor is never released',
    file: 'cluster/control.ts',
    line: '      if (this.#identity.linkHeld) this.#releasePredecessor();',
    instead: '',
  },
  {
    name: 'two thirds of the rows are loaded',
    file: 'cluster/hosted.ts',
    line: '      for (const row of loaded) rows.get(row.partition)?.push(row);',
    instead:
      '      for (const [index, row] of loaded.entries()) if (index % 3 > 0) rows.get(row.partition)?.push(row);',
  },
  {
    name: 'a table that the store lost is not given back',
    file: 'cluster/table-keeper.ts',
    line: '      if (asked !== undefined && asked === this.table && (stored?.epoch ?? 0) < asked.epoch) this.#giveBack(stored);',
    instead: '',
  },
];
