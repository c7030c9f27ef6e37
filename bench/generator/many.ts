/** Many registrations and many held calls, on one server. */
import { type Asked, Asker, type Outcome } from './asker.ts';
import { dialogOf, invite, type Party, register, within } from './messages.ts';

export interface Registering {
  readonly users: number;
  /** Number of the first of them. */
  readonly from?: number;
  readonly cseq?: number;
  readonly expiresSeconds?: number;
  readonly window?: number;
  readonly perSecond?: number;
}

export interface Calling {
  readonly calls: number;
  /** Registered ones, u0 to u(users - 1). */
  readonly users: number;
  readonly window?: number;
  readonly perSecond?: number;
}

/** One caller of one domain; the contacts of all users are `port + 1`. */
export class Many {
  readonly #asker: Asker;
  readonly #party: Party;

  private constructor(asker: Asker, party: Party) {
    this.#asker = asker;
    this.#party = party;
  }

  static async open(server: number, port: number, domain: string): Promise<Many> {
    return new Many(await Asker.open(server, port), { domain, address: '127.0.0.1', port });
  }

  close(): void {
    this.#asker.close();
  }

  register({
    users,
    from = 0,
    cseq = 1,
    expiresSeconds = 3_600,
    window = 200,
    perSecond = 0,
  }: Registering): Promise<Outcome> {
    const party = this.#party;
    let number = from;
    const next = (): Asked | undefined => {
      if (number === from + users) return undefined;
      const user = `u${number++}`;
      return {
        key: `r${user}@${party.address} REGISTER`,
        text: register(party, user, cseq, party.port + 1, expiresSeconds),
      };
    };
    return this.#asker.askAll(next, window, perSecond);
  }

  /** Every call is answered, acknowledged, and then left as it is. */
  hold({ calls, users, window = 200, perSecond = 0 }: Calling): Promise<Outcome> {
    const party = this.#party;
    const asker = this.#asker;
    let number = 0;
    const next = (): Asked | undefined => {
      if (number === calls) return undefined;
      const callId = `h${party.port}-${number}`;
      return {
        key: `${callId} INVITE`,
        text: invite(party, `u${number++ % users}`, callId),
        answered: (lines) => asker.say(within(party, 'ACK', dialogOf(lines), 1)),
      };
    };
    return asker.askAll(next, window, perSecond);
  }
}
