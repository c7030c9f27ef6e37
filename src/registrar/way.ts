/**
 * Where a phone is reached now that was reached over a connection which is gone: RFC 5626 5.3, for whoever remembers only the
 * connection. Names of connections are never used twice, so that one of them tells which phone is meant.
 */
import type { Flow } from '../outside.ts';
import { lookup } from './bindings.ts';
import type { Binding, Bindings } from './bindings.ts';

/** `same`: it is registered, and the connection is still the last we know of. `none`: it is not registered. */
export type Way = Flow | 'same' | 'none';

/**
 * @param connection the one that is gone, or in doubt.
 * @param uri what the phone's Contact said then: for one that was registered meanwhile without us knowing how it was before.
 */
export function wayOf(bindings: Bindings, connection: string, uri: string, nowMs: number): Way {
  const live = lookup(bindings, nowMs);
  const phone = live.find((each) => hadConnection(each, connection)) ?? live.find((each) => each.uri === uri);
  if (phone === undefined) return 'none';
  if (phone.flow.connection !== connection) return leadsTo(phone) ? phone.flow : 'none';
  // Several flows at once (reg-id): the others lead to the same phone.
  const other = live.find(
    (each) => isSameInstance(each, phone) && each.flow.connection !== connection && leadsTo(each),
  );
  return other === undefined ? 'same' : other.flow;
}

function hadConnection({ flow, former }: Binding, connection: string): boolean {
  return (flow.protocol !== 'udp' && flow.connection === connection) || former.includes(connection);
}

function isSameInstance(a: Binding, b: Binding): boolean {
  return a.instance !== '' && a.instance.toLowerCase() === b.instance.toLowerCase();
}

/** With a Path the flow leads to the last proxy before us, not to the phone. */
function leadsTo({ path, flow }: Binding): boolean {
  return path.length === 0 && flow.protocol !== 'udp';
}
