/** What the twin asks a node over HTTP. */
import type { CallView, Page, RegistrationView } from '../../src/admin/port.ts';
import type { Endpoint } from '../network.ts';

const timeoutMs = 4_000;
const pagesMax = 100;

export function drainNode({ address, port }: Endpoint, id: string): void {
  void fetch(`http://${address}:${port}/v1/nodes/${id}/drain`, {
    method: 'POST',
    signal: AbortSignal.timeout(timeoutMs),
  }).then(
    (response) => response.arrayBuffer(),
    () => undefined,
  );
}

export function allCalls(at: Endpoint): Promise<CallView[]> {
  return pages<CallView>(at, 'calls');
}

export function allRegistrations(at: Endpoint): Promise<RegistrationView[]> {
  return pages<RegistrationView>(at, 'registrations');
}

export async function isReady({ address, port }: Endpoint): Promise<boolean> {
  try {
    const response = await fetch(`http://${address}:${port}/readyz`, { signal: AbortSignal.timeout(timeoutMs) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

/** Samples of /metrics; none when the node does not answer. */
export async function metrics({ address, port }: Endpoint): Promise<Map<string, number>> {
  const samples = new Map<string, number>();
  try {
    const response = await fetch(`http://${address}:${port}/metrics`, { signal: AbortSignal.timeout(timeoutMs) });
    for (const line of (await response.text()).split('\n')) {
      const space = line.lastIndexOf(' ');
      if (!line.startsWith('#') && space > 0) samples.set(line.slice(0, space), Number(line.slice(space + 1)));
    }
  } catch {
    // It is gone or stopped: what it counted is gone with it.
  }
  return samples;
}

async function pages<T>({ address, port }: Endpoint, what: string): Promise<T[]> {
  const entries: T[] = [];
  let after = '';
  for (let page = 0; page < pagesMax; page++) {
    const url = `http://${address}:${port}/v1/${what}?limit=1000&after=${encodeURIComponent(after)}`;
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    if (!response.ok) throw new Error(`${url} answers ${response.status}`);
    const answer = (await response.json()) as Page<T>;
    entries.push(...answer.entries);
    if (answer.next === null) return entries;
    after = answer.next;
  }
  throw new Error(`${what} of ${address}:${port} have no end`);
}
