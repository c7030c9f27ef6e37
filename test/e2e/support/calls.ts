/** What the scenarios of SIPp need to know about users and their calls. */
import { Sipp, type SippResult } from './sipp.ts';
import { SipClient, credentials } from './sip-client.ts';
import { domain, sippCredentials, writeCsv, type TestUser } from './users.ts';

export interface Place {
  readonly folder: string;
  /** Where the clients send: the cluster or a relay. */
  readonly server: number;
  /** Of the server and of the clients; default: 127.0.0.1. */
  readonly serverAddress?: string;
  readonly address?: string;
}

/** Registers the users with digest, each with a contact at `contact`. */
export async function registerUsers(
  place: Place,
  users: readonly TestUser[],
  options: { name: string; port: number; contact: number; perSecond: number },
): Promise<SippResult> {
  const { name, port, contact, perSecond } = options;
  const rows = users.map((user) => [user.name, sippCredentials(user), String(contact)]);
  const run = new Sipp({
    ...place,
    scenario: 'register',
    name,
    port,
    perSecond,
    count: users.length,
    calls: writeCsv(`${place.folder}/${name}-users.csv`, rows),
    authUri: domain,
  });
  return run.result((users.length / perSecond) * 1_000 + 60_000);
}

/**
 * Calls from one user to another, authenticated from the first INVITE on by a nonce that the cluster gave before. A user
 * may call once per file: a nonce count is used once. Not from before a takeover: the new owner of a user cannot know which
 * counts were used and asks for a fresh nonce (stale=true), which these calls do not follow. `fromPort` fetches the nonce.
 */
export async function writeCalls(
  place: Place,
  name: string,
  pairs: readonly (readonly [caller: TestUser, callee: TestUser])[],
  fromPort = 0,
): Promise<string> {
  const client = await new SipClient(place.server, place).open(fromPort);
  const first = pairs[0]?.[0];
  if (first === undefined) throw new Error('no calls');
  const nonce = await client.nonce(first);
  client.close();
  const rows = pairs.map(([caller, callee]) => {
    const uri = `sip:${callee.name}@${domain}`;
    return [caller.name, callee.name, `Proxy-Authorization: ${credentials(caller, 'INVITE', uri, nonce)}`];
  });
  return writeCsv(`${place.folder}/${name}-calls.csv`, rows);
}

/** Calls to one user, each challenged by 407. */
export function writeChallengedCalls(
  place: Place,
  name: string,
  callers: readonly TestUser[],
  callee: TestUser,
): string {
  const rows = callers.map((caller) => [caller.name, callee.name, sippCredentials(caller)]);
  return writeCsv(`${place.folder}/${name}-calls.csv`, rows);
}
