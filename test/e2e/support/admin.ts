/** What the tests ask a node over HTTP. Addresses are `http://127.0.0.1:PORT`. */
import type { CallView, ClusterView, LimitView, Page, RegistrationView } from '../../../src/admin/port.ts';

export async function readCluster(admin: string, token?: string): Promise<ClusterView | undefined> {
  return read<ClusterView>(`${admin}/v1/cluster`, token);
}

export async function isReady(admin: string): Promise<boolean> {
  try {
    const response = await fetch(`${admin}/readyz`, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

export async function allRegistrations(admin: string): Promise<RegistrationView[]> {
  return pages<RegistrationView>(`${admin}/v1/registrations`);
}

export async function allCalls(admin: string): Promise<CallView[]> {
  return pages<CallView>(`${admin}/v1/calls`);
}

export async function allLimits(admin: string, name: string): Promise<LimitView[]> {
  return pages<LimitView>(`${admin}/v1/limits`, `&name=${encodeURIComponent(name)}`);
}

/** Samples of /metrics by name and labels, as written there. */
export async function metrics(admin: string): Promise<Map<string, number>> {
  const response = await fetch(`${admin}/metrics`, { signal: AbortSignal.timeout(3_000) });
  const samples = new Map<string, number>();
  for (const line of (await response.text()).split('\n')) {
    const space = line.lastIndexOf(' ');
    if (line.startsWith('#') || space < 0) continue;
    samples.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return samples;
}

/** Entries per value of `node`. */
export function perNode(entries: readonly { readonly node: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { node } of entries) counts[node] = (counts[node] ?? 0) + 1;
  return counts;
}

async function pages<T>(url: string, query = ''): Promise<T[]> {
  const entries: T[] = [];
  let after = '';
  // A page has up to 1,000 entries: the bound is far beyond any test.
  for (let page = 0; page < 100; page += 1) {
    const answer = await read<Page<T>>(`${url}?limit=1000&after=${encodeURIComponent(after)}${query}`);
    if (answer === undefined) throw new Error(`${url} did not answer`);
    entries.push(...answer.entries);
    if (answer.next === null) return entries;
    after = answer.next;
  }
  throw new Error(`${url} has no end`);
}

async function read<T>(url: string, token?: string): Promise<T | undefined> {
  try {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(token === undefined ? 5_000 : 1_000) });
    if (!response.ok) {
      await response.arrayBuffer();
      return undefined;
    }
    return (await response.json()) as T;
  } catch {
    return undefined;
  }
}
