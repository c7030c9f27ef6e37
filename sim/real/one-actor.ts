/**
 * Invariant 1 as packets show it: of a call only the owner of its partition speaks, so those who speak to one phone follow
 * the owners of the tables in their order; nobody speaks again after another took over, unless a later table says so.
 * Seen failing with: a node that acts for its whole lease and longer, stopped by SIGSTOP and woken.
 */
import { hash32 } from '../../cluster/hash.ts';
import { nobody } from '../../cluster/table.ts';
import type { Table } from '../../cluster/table.ts';
import type { NamedNode, Observer } from '../observe.ts';
import type { Twin } from './twin.ts';

interface Ownership {
  readonly epoch: number;
  readonly owner: string;
}

export class OneActor {
  readonly observer: Observer<NamedNode>;
  /** Calls that were heard from more than one process. */
  moved = 0;
  /** Of them, those that no order of owners was known for: tables came and went between two looks. */
  unknown = 0;
  readonly #twin: Twin;
  /** Who spoke, in order, by Call-ID and phone. */
  readonly #speakers = new Map<string, { readonly name: string; readonly atMs: number }[]>();
  readonly #tables: { readonly table: Table; readonly names: readonly string[] }[] = [];

  constructor(twin: Twin) {
    this.#twin = twin;
    twin.tableWatchers.push((table) => {
      const names = table.members.map(({ id, incarnation }) => `${id}#${incarnation}`);
      this.#tables.push({ table, names });
    });
    this.observer = {
      nodeSent: (node, _worker, flow, message) => {
        // What needs no state is answered by anybody; requests and answers to an INVITE only by the owner.
        if (typeof message === 'string') return;
        if (!message.isRequest && (message.method !== 'INVITE' || message.status >= 300 || message.status === 100))
          return;
        const name = twin.nodes.get(node.id)?.name ?? node.id;
        const key = `${message.callId} ${flow.address}`;
        const speakers = this.#speakers.get(key) ?? [];
        this.#speakers.set(key, speakers);
        if (speakers.at(-1)?.name !== name) speakers.push({ name, atMs: twin.kernel.nowMs });
      },
      phase: (phase) => {
        if (phase === 'end') this.#check();
      },
    };
  }

  #check(): void {
    for (const [key, speakers] of this.#speakers) {
      if (speakers.length < 2) continue;
      this.moved++;
      const callId = key.slice(0, key.indexOf(' '));
      const owners = this.#ownersOf(callId);
      let at = 0;
      for (const { name, atMs } of speakers) {
        const next = owners.findIndex((each, index) => index >= at && each.owner === name);
        if (next < 0) {
          if (this.#hasGaps(owners[at]?.epoch ?? 0)) {
            this.unknown++;
            break;
          }
          const told = owners.map(({ epoch, owner }) => `${owner} from table ${epoch}`).join(', ');
          const heard = speakers.map((each) => `${each.name} at ${each.atMs.toFixed(0)}`).join(', ');
          this.#twin.fail(
            'one-actor',
            1,
            `${name} speaks at ${atMs.toFixed(0)} ms for a call that is not its own: heard ${heard}; owners ${told}`,
            callId,
          );
        }
        at = next;
      }
    }
  }

  /** Who owned the call's partition, one after the other. */
  #ownersOf(callId: string): Ownership[] {
    const owners: Ownership[] = [];
    for (const { table, names } of this.#tables) {
      const index = table.owner[hash32(callId) & (table.owner.length - 1)] ?? nobody;
      const owner = index === nobody ? '' : (names[index] ?? '');
      if (owner !== owners.at(-1)?.owner) owners.push({ epoch: table.epoch, owner });
    }
    return owners;
  }

  #hasGaps(fromEpoch: number): boolean {
    const epochs = this.#tables.map(({ table }) => table.epoch).filter((epoch) => epoch >= fromEpoch);
    return epochs.some((epoch, index) => index > 0 && epoch > epochs[index - 1]! + 1);
  }
}
