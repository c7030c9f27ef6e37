/**
 * Sticky, capped placement of items (partitions) on hosts (nodes, or workers of a node): everyone within one of their
 * fair share, nobody moved without need, and the same answer wherever it is computed.
 */

export interface Placement {
  /** Row per item, hosts by preference (ring.ts). */
  readonly preferences: Uint16Array;
  /** Fair shares are in proportion; 0 takes nothing and gives away all. */
  readonly weights: readonly number[];
  /** Per item its host now, or -1. */
  readonly current: Int32Array;
  /** Items that count for their host but must stay (already under way). */
  readonly fixed: (item: number) => boolean;
  /** False: only items without a host are placed, a surplus stays where it is. */
  readonly moveSurplus: boolean;
}

/**
 * New host per item, -1 when all weights are 0 and it has none. An item moves only from a host above its share to one
 * below; the items that prefer the receiver most go first.
 */
export function place({ preferences, weights, current, fixed, moveSurplus }: Placement): Int32Array {
  const hosts = weights.length;
  const result = current.slice();
  const counts = new Int32Array(hosts);
  for (const host of current) if (host >= 0) counts[host]!++;
  const shares = fairShares(current.length, weights, counts);
  if (shares === undefined) return result;
  const preferred = (item: number, rank: number): number => preferences[item * hosts + rank]!;

  let room = 0;
  for (let host = 0; host < hosts; host++) room += Math.max(0, shares[host]! - counts[host]!);
  for (let rank = 0; rank < hosts && room > 0; rank++) {
    for (let item = 0; item < result.length && room > 0; item++) {
      const from = result[item]!;
      const to = preferred(item, rank);
      if (counts[to]! >= shares[to]!) continue;
      if (from >= 0 && (!moveSurplus || counts[from]! <= shares[from]! || fixed(item))) continue;
      if (from >= 0) counts[from]!--;
      counts[to]!++;
      room--;
      result[item] = to;
    }
  }
  // Hosts full of items that must stay leave less room than there are items: the rest goes to the first choice.
  for (let item = 0; item < result.length; item++) {
    for (let rank = 0; rank < hosts && result[item]! < 0; rank++) {
      const to = preferred(item, rank);
      if (weights[to]! > 0) result[item] = to;
    }
  }
  return result;
}

/** How many items each host is to have: within one of items * weight / sum. Undefined when nobody takes any. */
function fairShares(items: number, weights: readonly number[], counts: Int32Array): Int32Array | undefined {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (sum === 0) return undefined;
  const shares = Int32Array.from(weights, (weight) => Math.floor((items * weight) / sum));
  let left = items - shares.reduce((total, share) => total + share, 0);
  // The odd ones go where they already are, then to those whom rounding cost most, then by name order.
  const order = weights.map((_, host) => host).filter((host) => weights[host]! > 0);
  const cost = (host: number): number => (items * weights[host]!) % sum;
  const has = (host: number): number => (counts[host]! > shares[host]! && cost(host) > 0 ? 1 : 0);
  order.sort((a, b) => has(b) - has(a) || cost(b) - cost(a) || a - b);
  for (const host of order) {
    if (left === 0) break;
    shares[host]!++;
    left--;
  }
  return shares;
}
