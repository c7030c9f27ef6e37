/** Mistakes made for one checker each, that no other one is sure to see. */
import type { Mutant } from './mutant.ts';

export const judgesMutants: readonly Mutant[] = [
  {
    name: 'a plan that moves more than it must',
    file: 'cluster/place.ts',
    line: '(!moveSurplus || counts[from]! <= shares[from]! || fixed(item))) continue;',
    instead: '(!moveSurplus || counts[from]! < shares[from]! || fixed(item))) continue;',
  },
  {
    name: 'what waits in a hub is overtaken',
    file: 'cluster/hub.ts',
    line: '    if (!this.#mustWait(partition, isBack) && this.#trySend(partition, hops, payload)) return;',
    instead: '    if (this.#trySend(partition, hops, payload)) return;',
    wishes: { kinds: ['cut', 'crash'], nodes: 3 },
  },
  {
    name: 'a giver waits a while before it seals',
    file: 'cluster/share-moves.ts',
    line: "      Object.assign(this.parts[partition]!, { stage: 'freezing', operation: attempt, sinceMs: nowMs });",
    instead:
      "      Object.assign(this.parts[partition]!, { stage: 'freezing', operation: attempt, sinceMs: nowMs, notBeforeMs: nowMs + 1_500 });",
    wishes: { kinds: ['drain'], nodes: 4 },
  },
  {
    name: 'a proof in the route set counts for nothing',
    file: 'actors/call/incoming.ts',
    line: '  if (!plan.proven && act.state.dialogs.find(request.fromTag, request.toTag) === undefined)',
    instead: '  if (plan.proven || act.state.dialogs.find(request.fromTag, request.toTag) === undefined)',
  },
  {
    name: 'Record-Route changes with the time of day',
    file: 'src/proxy/forward.ts',
    line: '  return `<sip:${hostPort(listener)}${transport};lr;p=${proof}>`;',
    instead:
      '  return `<sip:${hostPort(listener)}${transport};lr;n=${recordRoutes++};p=${proof}>`;\n}\nlet recordRoutes = 0;\n{',
  },
  {
    name: 'responses go to the default port',
    file: 'src/proxy/response-flow.ts',
    line: '  if (via.rport !== undefined) return flow;',
    instead: '  if (via.rport !== undefined) return { ...flow, port: 5061 };',
  },
  {
    name: 'CANCELs carry the moment',
    file: 'actors/call/act.ts',
    line: '    this.turn.send(tx.flow, tx.sent, tokenOf(tx));\n  }\n\n  ack(',
    instead:
      "    const sent = Buffer.from(tx.sent).toString('latin1');\n" +
      "    const again = sent.startsWith('CANCEL') ? Buffer.from(sent.replace('Max-Forwards: 70', 'Max-Forwards: 69'), 'latin1') : tx.sent;\n" +
      '    this.turn.send(tx.flow, again, tokenOf(tx));\n  }\n\n  ack(',
  },
  {
    name: 'a lookup finds one contact',
    file: 'actors/aor/behaviour.ts',
    line: '  const contacts = lookup(state.bindings, nowMs).map((binding) => {',
    instead: '  const contacts = lookup(state.bindings, nowMs).slice(0, 1).map((binding) => {',
  },
  {
    name: 'a Max-Forwards that is a list',
    file: 'src/sip/build.ts',
    line: "  writer.text('Max-Forwards: 70\\r\\n');",
    instead: "  writer.text('Max-Forwards: 70, 70\\r\\n');",
  },
  {
    name: 'INFOs get lost between threads',
    file: 'cluster/sip-worker.ts',
    line: "    this.#ports.count('forwarded');",
    instead:
      "    if (envelope.type === 'sip' && envelope.message.method === 'INFO') return;\n    this.#ports.count('forwarded');",
  },
];
