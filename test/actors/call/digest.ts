/** Digest credentials as a phone makes them: RFC 7616 with MD5 and qop=auth, independent of the server's own code. */
import { createHash } from 'node:crypto';
import { all } from './headers.ts';

export function credentials(
  user: string,
  password: string,
  challenge: { readonly lines: readonly string[] },
  method: string,
  uri: string,
  nc = '00000001',
): string {
  const offers = [...all(challenge, 'Proxy-Authenticate'), ...all(challenge, 'WWW-Authenticate')];
  const offer = offers.find((each) => each.includes('MD5')) ?? '';
  const nonce = /nonce="([^"]*)"/.exec(offer)?.[1] ?? '';
  const realm = /realm="([^"]*)"/.exec(offer)?.[1] ?? '';
  const secret = md5(`${user}:${realm}:${password}`);
  const response = md5(`${secret}:${nonce}:${nc}:c:auth:${md5(`${method}:${uri}`)}`);
  return `Digest username="${user}", realm="${realm}", nonce="${nonce}", uri="${uri}", qop=auth, nc=${nc}, cnonce="c", algorithm=MD5, response="${response}"`;
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}
