/**
 * Addresses of names: A and AAAA, with a bounded cache. Answers come by callback, at once when they are known.
 * Names without a dot, and those that the name servers do not know, are also looked for in the system's own files.
 */
import { Resolver, lookup } from 'node:dns';
import { isIP } from 'node:net';
import { limits } from '../limits.ts';
import type { Clock } from '../outside.ts';

export type AddressFamily = 4 | 6;

/** Addresses in the order to try them; empty when there are none or the lookup failed. */
export type AddressesCallback = (addresses: readonly string[]) => void;

export interface TimedAddress {
  readonly address: string;
  /** Seconds that the answer may be kept. */
  readonly ttl: number;
}

/** Asks the network. The default one asks the configured name servers, then the system. */
export type AddressSource = (
  name: string,
  family: AddressFamily,
  done: (failed: boolean, found: readonly TimedAddress[]) => void,
) => void;

interface Entry {
  readonly addresses: readonly string[];
  readonly untilMs: number;
}

export class AddressBook {
  readonly #clock: Clock;
  readonly #source: AddressSource;
  /** In order of use: the first is the one to forget. */
  readonly #cache = new Map<string, Entry>();
  readonly #waiting = new Map<string, AddressesCallback[]>();
  #outstanding = 0;

  constructor(clock: Clock, source: AddressSource = systemSource()) {
    this.#clock = clock;
    this.#source = source;
  }

  /** Calls `done` exactly once. A literal address is its own answer. More than `dnsLookupsOutstandingMax` at a time fail. */
  lookup(name: string, family: AddressFamily, done: AddressesCallback): void {
    const literal = isIP(name);
    if (literal !== 0) return done(literal === family ? [name] : []);
    const host = name.toLowerCase().replace(/\.$/, '');
    if (!isHostName(host)) return done([]);
    const key = `${family} ${host}`;
    const known = this.#cache.get(key);
    if (known !== undefined) {
      this.#cache.delete(key);
      if (known.untilMs > this.#clock.monotonicMs()) {
        this.#cache.set(key, known);
        return done(known.addresses);
      }
    }
    if (this.#outstanding >= limits.dnsLookupsOutstandingMax) return done([]);
    this.#outstanding++;
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) {
      waiting.push(done);
      return;
    }
    this.#waiting.set(key, [done]);
    this.#source(host, family, (failed, found) => this.#answer(key, failed, found));
  }

  get size(): number {
    return this.#cache.size;
  }

  #answer(key: string, failed: boolean, found: readonly TimedAddress[]): void {
    const usable = failed ? [] : found.slice(0, limits.dnsAddressesPerNameMax);
    const addresses = usable.map((record) => record.address);
    const ttls = usable.map((record) => record.ttl);
    const seconds =
      usable.length === 0
        ? limits.dnsNegativeSeconds
        : Math.min(limits.dnsTtlSecondsMax, Math.max(limits.dnsTtlSecondsMin, Math.min(...ttls)));
    if (this.#cache.size >= limits.dnsCacheEntriesMax) this.#cache.delete(this.#cache.keys().next().value!);
    this.#cache.set(key, { addresses, untilMs: this.#clock.monotonicMs() + seconds * 1_000 });
    const waiting = this.#waiting.get(key) ?? [];
    this.#waiting.delete(key);
    this.#outstanding -= waiting.length;
    for (const done of waiting) done(addresses);
  }
}

/** RFC 1123 2.1: letters, digits, hyphens and dots; an underscore is let pass since names with it exist. */
function isHostName(host: string): boolean {
  return (
    host.length > 0 &&
    host.length <= 253 &&
    /^(?:[a-z0-9_](?:[a-z0-9_-]{0,62})\.)*[a-z0-9_](?:[a-z0-9_-]{0,62})$/.test(host)
  );
}

const systemTtlSeconds = 30;

function systemSource(): AddressSource {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  const fromSystem: AddressSource = (name, family, done) => {
    lookup(name, { family, all: true }, (error, found) =>
      done(error !== null, error !== null ? [] : found.map(({ address }) => ({ address, ttl: systemTtlSeconds }))),
    );
  };
  return (name, family, done) => {
    if (!name.includes('.') || name.endsWith('.localhost')) return fromSystem(name, family, done);
    const answer = (error: Error | null, found: readonly TimedAddress[]) =>
      error !== null ? fromSystem(name, family, done) : done(false, found);
    if (family === 4) resolver.resolve4(name, { ttl: true }, answer);
    else resolver.resolve6(name, { ttl: true }, answer);
  };
}
