/** Who wants to know that a packet did not leave, as one text that the sockets carry along: `partition kind token\nkey`. */
import type { Origin } from '../actors/ports.ts';
import type { Envelope } from '../actors/envelope.ts';
import { kindOf } from '../actors/envelope.ts';
import { kindNumbers } from '../actors/entity.ts';

export function tokenOf(origin: Origin): string {
  return `${origin.partition} ${kindNumbers[origin.kind]} ${origin.key}\n${origin.token}`;
}

/** The envelope that tells it, and the partition it goes to. A Call-ID has no line end, so the first one ends the key. */
export function undeliveredEnvelope(token: string): { partition: number; envelope: Envelope } | undefined {
  const first = token.indexOf(' ');
  const second = token.indexOf(' ', first + 1);
  const line = token.indexOf('\n', second);
  const kind = kindOf(Number(token.slice(first + 1, second)));
  if (first < 0 || second < 0 || line < 0 || kind === undefined) return undefined;
  const to = { kind, key: token.slice(second + 1, line) };
  return {
    partition: Number(token.slice(0, first)),
    envelope: { to, type: 'undelivered', token: token.slice(line + 1) },
  };
}
