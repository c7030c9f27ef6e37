/** The header fields of the 200 to a REGISTER: RFC 3261 10.3 step 8, RFC 3327 5.3, RFC 5626 6. */
import { HeaderId } from '../sip/header/names.ts';
import type { SipMessage } from '../sip/message.ts';
import { quote } from '../sip/params.ts';
import type { Binding, Bindings } from './bindings.ts';
import { sipDate } from './date.ts';
import { hasOption } from './options.ts';

/** Every current binding once, Path for those who understand it, and `Require: outbound` when a flow was registered. */
export function answerHeaders(
  bindings: Bindings,
  request: SipMessage,
  nowMs: number,
  outbound: boolean,
): [string, string][] {
  const headers: [string, string][] = [];
  for (const binding of bindings) headers.push(['Contact', contactValue(binding, nowMs)]);
  if (request.has(HeaderId.Path) && hasOption(request, HeaderId.Supported, 'path')) {
    for (const value of request.values(HeaderId.Path)) headers.push(['Path', value]);
  }
  if (outbound && hasOption(request, HeaderId.Supported, 'outbound')) headers.push(['Require', 'outbound']);
  headers.push(['Date', sipDate(nowMs)]);
  return headers;
}

/** `<uri>;expires=seconds` and what the phone said of itself. A q of 1 says the same as none and is left out. */
function contactValue(binding: Binding, nowMs: number): string {
  // Rounded down, so that a phone never trusts a binding longer than we do; never 0, which would say that it is gone.
  const seconds = Math.max(1, Math.floor((binding.expiresAtMs - nowMs) / 1000));
  const q = binding.q === 1 ? '' : `;q=${binding.q}`;
  const instance = binding.instance === '' ? '' : `;+sip.instance=${quote(binding.instance)}`;
  const regId = binding.regId === 0 ? '' : `;reg-id=${binding.regId}`;
  return `<${binding.uri}>;expires=${seconds}${q}${instance}${regId}`;
}
