/**
 * What phones and checkers see of the world they are in. There are two: the simulated one (world.ts), where time and
 * network are made, and the real one (real/world.ts), where processes, sockets and clocks are the machine's. What a
 * checker reads from here it can judge in both.
 */
import type { Chance } from './random.ts';
import type { Kernel } from './kernel.ts';
import type { Network } from './network.ts';
import type { Audience, Observer } from './observe.ts';
import type { SimOptions } from './options.ts';
import type { CallRecord, RegistrationRecord } from './phone/history.ts';
import type { Phone } from './phone/phone.ts';

/** What a phone needs. */
export interface Stage {
  readonly domain: string;
  /** Nothing new is begun by the phones. */
  readonly isQuiet: boolean;
  readonly kernel: Pick<Kernel, 'nowMs' | 'at'>;
  readonly chance: Pick<Chance, 'stream'>;
  readonly network: Pick<Network, 'openPhone' | 'send'>;
  readonly observers: readonly Observer[];
  readonly audience: Pick<Audience, 'phoneSent' | 'phoneReceived' | 'registration'>;
  readonly registrations: RegistrationRecord[];
  callWith(callId: string): CallRecord | undefined;
  tellCall(call: CallRecord, what: string): void;
}

/** What a checker needs that judges by packets and by what the phones know. */
export interface History extends Stage {
  readonly options: Pick<SimOptions, 'noAnswerMs' | 'storeMs' | 'store' | 'faults' | 'linkFaults' | 'gate' | 'nodes'>;
  readonly phones: ReadonlyMap<string, Phone>;
  readonly calls: readonly CallRecord[];
  /** When the last fault is over. */
  readonly healedAtMs: number;
  /** From when on phones must not notice anything: all is asked then. */
  readonly probedAtMs: number;
  /** Whether nothing that was promised may be lost. */
  readonly isStrict: boolean;
  /** Whether a registration may be gone though its 200 stands. */
  readonly mayForget: boolean;
  /** @throws Violation */
  fail(checker: string, invariant: number, message: string, callId?: string): never;
}
