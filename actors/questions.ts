/** What entities ask and tell each other: positional MessagePack-able bodies, packed and unpacked here only. */
import type { Way } from '../src/registrar/way.ts';
import type { Contact, Location } from '../src/routing/api.ts';
import { packFlow, unpackFlow } from './envelope.ts';

/** Asked of an address-of-record: are these credentials its owner's? */
export interface VerifyQuestion {
  readonly method: string;
  readonly requestUri: string;
  readonly realm: string;
  readonly authorization: readonly string[];
  /** See requestIdentity in src/auth/verify.ts. */
  readonly identity: string;
  /** User-Agent as sent, '' when absent: decides what a new challenge offers. */
  readonly userAgent: string;
}

export type VerifyAnswer = 'ok' | { readonly challenges: readonly string[]; readonly cause: string };

/** Asked of an address-of-record: where is the phone that was reached over this connection, or that said this Contact? */
export interface WayQuestion {
  readonly connection: string;
  readonly uri: string;
}

export type AorQuestion =
  | ({ readonly ask: 'verify' } & VerifyQuestion)
  | { readonly ask: 'locate' }
  | ({ readonly ask: 'way' } & WayQuestion);

export function packVerify(q: VerifyQuestion): unknown[] {
  return ['verify', q.method, q.requestUri, q.realm, q.authorization, q.identity, q.userAgent];
}

export const locateBody: readonly unknown[] = ['locate'];
/** Told to an address-of-record: what is known of its owner has changed, look again. */
export const userChangedBody: readonly unknown[] = ['user-changed'];

export function unpackAorQuestion(body: unknown): AorQuestion | undefined {
  if (!Array.isArray(body)) return undefined;
  const [ask, method, requestUri, realm, authorization, identity, userAgent] = body as readonly unknown[];
  if (ask === 'locate') return { ask };
  if (ask === 'way')
    return typeof method === 'string' && typeof requestUri === 'string'
      ? { ask, connection: method, uri: requestUri }
      : undefined;
  if (ask !== 'verify' || typeof method !== 'string' || typeof requestUri !== 'string' || typeof realm !== 'string')
    return undefined;
  if (typeof identity !== 'string' || typeof userAgent !== 'string' || !isTexts(authorization)) return undefined;
  return { ask, method, requestUri, realm, authorization, identity, userAgent };
}

export function packVerifyAnswer(answer: VerifyAnswer): unknown[] {
  return answer === 'ok' ? ['ok'] : ['no', answer.challenges, answer.cause];
}

export function unpackVerifyAnswer(body: unknown): VerifyAnswer | undefined {
  if (!Array.isArray(body)) return undefined;
  const [verdict, challenges, cause] = body as readonly unknown[];
  if (verdict === 'ok') return 'ok';
  return isTexts(challenges) && typeof cause === 'string' ? { challenges, cause } : undefined;
}

export function packWay(question: WayQuestion): unknown[] {
  return ['way', question.connection, question.uri];
}

export function packWayAnswer(way: Way): unknown[] {
  return [typeof way === 'string' ? way : packFlow(way)];
}

export function unpackWayAnswer(body: unknown): Way | undefined {
  if (!Array.isArray(body)) return undefined;
  const way: unknown = body[0];
  return way === 'same' || way === 'none' ? way : unpackFlow(way);
}

export function packLocation(location: Location): unknown[] {
  return [
    location.known,
    location.contacts.map((each) => [each.uri, each.flow === undefined ? null : packFlow(each.flow), each.path]),
  ];
}

/** @param account the address-of-record that was asked. */
export function unpackLocation(body: unknown, account: string): Location | undefined {
  if (!Array.isArray(body) || !Array.isArray(body[1])) return undefined;
  const contacts: Contact[] = [];
  for (const row of body[1] as readonly unknown[]) {
    const contact = unpackContact(row, account);
    if (contact === undefined) return undefined;
    contacts.push(contact);
  }
  return { known: body[0] === true, contacts };
}

function unpackContact(row: unknown, account: string): Contact | undefined {
  if (!Array.isArray(row)) return undefined;
  const [uri, flow, path] = row as readonly unknown[];
  return typeof uri === 'string' && isTexts(path) ? { uri, flow: unpackFlow(flow), path, account } : undefined;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}
