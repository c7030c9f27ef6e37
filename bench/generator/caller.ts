/**
 * Calls at a steady rate, caller and callee in one thread, so that one clock sees an INVITE leave and arrive: what is between
 * is the server and twice the loopback. INVITE 180 200 ACK BYE 200. Packets that are lost are not repeated: the call failed.
 */
import { chooseUdp } from '../../src/io/udp-path.ts';
import type { UdpTransport } from '../../src/io/udp.ts';
import type { Flow } from '../../src/outside.ts';
import { answer, dialogOf, invite, linesOf, type Party, value, within } from './messages.ts';

export interface Calling {
  readonly perSecond: number;
  readonly seconds: number;
  /** Registered ones: `u0` to `u(users - 1)`, in turns or, with a step, in jumps. */
  readonly users: number;
  readonly step?: number;
  /** Between answer and BYE. */
  readonly talkMs: number;
}

export interface Called {
  readonly asked: number;
  /** From INVITE to the 200 of its BYE. */
  readonly ok: number;
  /** From the INVITE that leaves the caller to the one that reaches the callee, sorted. */
  readonly inviteMs: readonly number[];
  /** To the 100 or whatever came first, sorted. */
  readonly firstMs: readonly number[];
}

interface Call {
  readonly atMs: number;
  /** The callee has the INVITE. */
  hasReached: boolean;
  /** The caller has a response. */
  isHeard: boolean;
  isAnswered: boolean;
}

/** For those that are on their way when the last call has begun. */
const lingerMs = 2_000;

export class Caller {
  readonly #server: Flow;
  readonly #party: Party;
  readonly #calls = new Map<string, Call>();
  #caller: UdpTransport | undefined;
  #callee: UdpTransport | undefined;
  #first: number[] = [];
  #invites: number[] = [];
  #ok = 0;
  #talkMs = 0;
  #round = 0;

  private constructor(server: number, party: Party) {
    this.#server = { protocol: 'udp', listener: 0, address: '127.0.0.1', port: server, connection: '' };
    this.#party = party;
  }

  /** The callee of all users is at `port + 1`. */
  static async open(server: number, port: number, domain: string): Promise<Caller> {
    const caller = new Caller(server, { domain, address: '127.0.0.1', port });
    const { open } = chooseUdp('auto');
    const common = { address: '127.0.0.1', listener: 0, reusePort: false, onError: () => undefined };
    caller.#caller = await open({ ...common, port, onMessage: (bytes) => caller.#response(bytes) });
    caller.#callee = await open({
      ...common,
      port: port + 1,
      onMessage: (bytes, from) => caller.#request(bytes, from),
    });
    return caller;
  }

  async close(): Promise<void> {
    await Promise.all([this.#caller?.close(), this.#callee?.close()]);
  }

  async run({ perSecond, seconds, users, step = 1, talkMs }: Calling): Promise<Called> {
    this.#talkMs = talkMs;
    this.#calls.clear();
    [this.#ok, this.#invites, this.#first] = [0, [], []];
    const round = ++this.#round;
    const wanted = Math.round(perSecond * seconds);
    const startMs = performance.now();
    for (let sent = 0; sent < wanted;) {
      const due = Math.min(wanted, Math.floor(((performance.now() - startMs) * perSecond) / 1_000) + 1);
      for (; sent < due; sent++) {
        const callId = `l${this.#party.port}-${round}-${sent}`;
        this.#calls.set(callId, { atMs: performance.now(), hasReached: false, isHeard: false, isAnswered: false });
        this.#say(invite(this.#party, `u${(sent * step) % users}`, callId));
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const untilMs = performance.now() + talkMs + lingerMs;
    while (this.#ok < wanted && performance.now() < untilMs) await new Promise((resolve) => setTimeout(resolve, 20));
    const sorted = (times: number[]): number[] => times.sort((a, b) => a - b);
    return { asked: wanted, ok: this.#ok, inviteMs: sorted(this.#invites), firstMs: sorted(this.#first) };
  }

  #say(text: string): void {
    this.#caller?.send(this.#server, Buffer.from(text, 'latin1'));
  }

  #response(bytes: Buffer): void {
    const nowMs = performance.now();
    const lines = linesOf(bytes);
    const call = this.#calls.get(value(lines, 'Call-ID'));
    if (call === undefined) return;
    if (!call.isHeard) this.#first.push(nowMs - call.atMs);
    call.isHeard = true;
    if (!lines[0]!.startsWith('SIP/2.0 200')) return;
    const isBye = value(lines, 'CSeq').endsWith('BYE');
    if (isBye) {
      this.#ok++;
      this.#calls.delete(value(lines, 'Call-ID'));
    } else if (!call.isAnswered) {
      call.isAnswered = true;
      const dialog = dialogOf(lines);
      this.#say(within(this.#party, 'ACK', dialog, 1));
      setTimeout(() => this.#say(within(this.#party, 'BYE', dialog, 2)), this.#talkMs);
    }
  }

  #request(bytes: Buffer, from: Flow): void {
    const nowMs = performance.now();
    const lines = linesOf(bytes);
    const isInvite = lines[0]!.startsWith('INVITE ');
    if (!isInvite && !lines[0]!.startsWith('BYE ')) return;
    const party = { ...this.#party, port: this.#party.port + 1 };
    const say = (text: string): void => this.#callee?.send(from, Buffer.from(text, 'latin1'));
    if (isInvite) {
      const call = this.#calls.get(value(lines, 'Call-ID'));
      if (call?.hasReached === false) {
        call.hasReached = true;
        this.#invites.push(nowMs - call.atMs);
      }
      say(answer(lines, party, 180));
    }
    say(answer(lines, party, 200));
  }
}
