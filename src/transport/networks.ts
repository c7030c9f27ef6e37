/** IP networks as a configuration names them: `10.0.0.0/8`, `2001:db8::/32`, or one address. */
import { parseAddress } from '../registrar/address.ts';

export class Networks {
  readonly #networks: readonly Network[];

  /** @param texts checked before (src/config/address.ts); what is none is left out. */
  constructor(texts: readonly string[]) {
    this.#networks = texts.flatMap((text) => networkOf(text) ?? []);
  }

  /** Whether the address is in one of them. IPv4-mapped addresses count as IPv4. */
  has(address: string): boolean {
    const parts = parseAddress(address);
    return parts !== undefined && this.#networks.some((network) => isIn(parts, network));
  }
}

interface Network {
  /** As of `parseAddress`: four octets or eight groups of 16 bits. */
  readonly parts: readonly number[];
  readonly bits: number;
}

function networkOf(text: string): Network | undefined {
  const slash = text.indexOf('/');
  const host = slash === -1 ? text : text.slice(0, slash);
  const parts = parseAddress(host);
  if (parts === undefined) return undefined;
  const bitsMax = host.includes(':') ? 128 : 32;
  const bits = slash === -1 ? bitsMax : Number(text.slice(slash + 1));
  // An IPv4-mapped network was given in the bits of IPv6.
  return { parts, bits: parts.length === 4 && bitsMax === 128 ? Math.max(0, bits - 96) : bits };
}

function isIn(parts: readonly number[], network: Network): boolean {
  if (parts.length !== network.parts.length) return false;
  const width = parts.length === 4 ? 8 : 16;
  let left = network.bits;
  for (const [at, part] of parts.entries()) {
    if (left <= 0) return true;
    const shift = Math.max(0, width - left);
    if (part >> shift !== (network.parts[at] ?? 0) >> shift) return false;
    left -= width;
  }
  return true;
}
