/** A REGISTER that comes again after the node that answered it was lost: its transaction is not part of the snapshot. */
import type { Bindings } from '../../src/registrar/bindings.ts';
import type { NameAddr } from '../../src/sip/header/address.ts';
import { HeaderId } from '../../src/sip/header/names.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { isFailure, parse } from '../../src/sip/parse.ts';
import { Splice } from '../../src/sip/splice.ts';

/**
 * A REGISTER that was carried out by a node whose answer was lost with it: the same Call-ID and CSeq, and each contact is
 * bound by just this request. Repeated, it is answered with what is bound (10.3 step 7 would call it out of order).
 */
export function wasDone(bindings: Bindings, request: SipMessage): boolean {
  const { contacts, callId, cseq } = request;
  if (
    contacts === '*' ||
    contacts.length === 0 ||
    !bindings.some((each) => each.callId === callId && each.cseq === cseq)
  )
    return false;
  return contacts.every(
    (contact) =>
      !takesBack(request, contact) &&
      bindings.some((each) => each.uri === contact.uri && each.callId === callId && each.cseq === cseq),
  );
}

function takesBack(request: SipMessage, contact: NameAddr): boolean {
  const own = contact.params.find(([name]) => name.toLowerCase() === 'expires')?.[1];
  return Number(own ?? request.header(HeaderId.Expires) ?? '1') === 0;
}

/** The same without Contact: asks what is bound. */
export function asQuery(request: SipMessage): SipMessage {
  const query = parse(new Splice(request).remove(HeaderId.Contact).toBuffer(), false);
  return isFailure(query) ? request : query;
}
