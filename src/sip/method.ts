/** Request methods: which we know, and what follows from the name alone. */

/** Methods with a meaning to us, RFC 3261 and its extensions. */
export const methods = [
  'INVITE',
  'ACK',
  'BYE',
  'CANCEL',
  'REGISTER',
  'OPTIONS', // RFC 3261
  'PRACK', // RFC 3262
  'SUBSCRIBE',
  'NOTIFY', // RFC 6665
  'PUBLISH', // RFC 3903
  'INFO', // RFC 6086
  'REFER', // RFC 3515
  'MESSAGE', // RFC 3428
  'UPDATE', // RFC 3311
] as const;

const known: ReadonlySet<string> = new Set(methods);

/** Methods are compared with their case (RFC 3261 7.1). */
export function isKnownMethod(method: string): boolean {
  return known.has(method);
}

/** The method for a label of metrics: one of a bounded set, 'other' for everything we do not know. */
export function methodLabel(method: string): string {
  return known.has(method) ? method : 'other';
}

/** True when a request of this method may create a dialog (RFC 3261 12.1, RFC 6665 4.1, RFC 3515). */
export function makesDialog(method: string): boolean {
  return method === 'INVITE' || method === 'SUBSCRIBE' || method === 'REFER' || method === 'NOTIFY';
}
