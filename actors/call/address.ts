/** How a party of a call is shown: its address-of-record, or the URI as it stands. */
import { aorOf, parseUri } from '../../src/sip/uri.ts';

export function addressOf(text: string): string {
  const uri = parseUri(text);
  return uri === undefined || uri.user === '' ? text : aorOf(uri);
}
