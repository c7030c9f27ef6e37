/**
 * Invariant 40: what the server sends it can read itself, and reads the same in it as the phones' own reader does: kind,
 * method, status, Call-ID, CSeq, tags, branch, Max-Forwards, Vias and body; written anew without a change it has the same
 * octets. (That the phones' reader takes it at all: sound.ts.) One message in `oneIn`, drawn by a stream of its own.
 * Seen failing with the mutant: 'a Max-Forwards that is a list'.
 */
import { isFailure, parse } from '../../src/sip/parse.ts';
import { HeaderId } from '../../src/sip/header/names.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { Splice } from '../../src/sip/splice.ts';
import type { Observer } from '../observe.ts';
import { valueOf, valuesOf } from '../phone/message.ts';
import type { Message } from '../phone/message.ts';
import { Stream } from '../random.ts';
import type { World } from '../world.ts';

const oneIn = 16;

export function wire(world: World): Observer {
  const random = new Stream(world.options.seed, 'wire');
  const share = world.options.looksAtAll === true ? 1 : 1 / oneIn;
  return {
    nodeSent(node, _worker, flow, message, bytes) {
      if (typeof message === 'string' || !random.chance(share)) return;
      const own = parse(Buffer.from(bytes), flow.protocol !== 'udp');
      if (isFailure(own))
        return world.fail('wire', 40, `${node.id} sends what it would refuse: ${own.reason}`, message.callId);
      const difference = differenceOf(own, message);
      if (difference !== '')
        world.fail(
          'wire',
          40,
          `${node.id} sends a message that two readers read differently: ${difference}`,
          message.callId,
        );
      if (!new Splice(own).toBuffer().equals(bytes))
        world.fail(
          'wire',
          40,
          `${node.id} sends a message that is another one when it is written again`,
          message.callId,
        );
    },
  };
}

function differenceOf(own: SipMessage, other: Message): string {
  const pairs: readonly (readonly [string, unknown, unknown])[] = [
    ['kind', own.isRequest, other.isRequest],
    ['method', own.method, other.method],
    ['status', own.status, other.status],
    ['Request-URI', own.isRequest ? own.requestUri : '', other.uri],
    ['Call-ID', own.callId, other.callId],
    ['CSeq', own.cseq, other.cseq],
    ['From tag', own.fromTag, other.fromTag],
    ['To tag', own.toTag, other.toTag],
    ['branch', own.topVia.branch, other.branch],
    ['Max-Forwards', own.maxForwards, Number(valueOf(other, 'max-forwards') ?? -1)],
    ['Via', own.values(HeaderId.Via).join(), valuesOf(other.headers, 'via').join()],
    ['Record-Route', own.values(HeaderId.RecordRoute).join(), valuesOf(other.headers, 'record-route').join()],
    ['Contact', own.values(HeaderId.Contact).join(), valuesOf(other.headers, 'contact').join()],
    ['body', own.body.toString('latin1'), other.body],
  ];
  for (const [name, mine, theirs] of pairs) if (mine !== theirs) return `${name} ${String(mine)} or ${String(theirs)}`;
  return '';
}
