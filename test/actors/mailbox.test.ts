/**
 * The mailbox against a list: order, bounds per entity, partition and worker, and what is refused first.
 * Seen failing with: growth that forgets where the head was; `shift` that does not give the worker its room back; new work
 * admitted up to the full limit.
 */
import assert from 'node:assert';
import test from 'node:test';
import fc from 'fast-check';
import { Mailbox, type MailboxOwner, urgency, type Urgency, urgencyOf } from '../../actors/mailbox.ts';
import type { Input } from '../../actors/entity.ts';
import { limits } from '../../src/limits.ts';

const action = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('push' as const),
      level: fc.constantFrom(0, 1, 2),
      owner: fc.nat(40),
      count: fc.nat(300),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('shift' as const),
      level: fc.constant(0),
      owner: fc.constant(0),
      count: fc.nat(600),
    }),
  },
);

test('a FIFO that never holds more than its bounds, and refuses new work first', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60, size: 'max' }), (actions) => {
      const load = { queuedItems: 0 };
      const mailbox = new Mailbox<MailboxOwner, number>(load);
      const owners = Array.from({ length: 41 }, () => ({ queuedItems: 0 }));
      const model: { owner: number; item: number }[] = [];
      let next = 0;
      for (const { do: what, level, owner, count } of actions) {
        for (let index = 0; index < count; index++) {
          if (what === 'push') {
            const admitted = [urgency.newWork, urgency.known, urgency.urgent].map((each) =>
              mailbox.admits(each, owners[owner]!.queuedItems),
            );
            assert(!admitted[0] || admitted[1], 'new work has room where known work has none');
            assert(!admitted[1] || admitted[2], 'known work has room where urgent work has none');
            const mine = model.filter((each) => each.owner === owner).length;
            const half = level === urgency.newWork ? 2 : 1;
            const [perEntity, perPartition] =
              level === urgency.urgent
                ? [limits.mailboxUrgentItemsPerEntityMax, limits.mailboxUrgentItemsPerPartitionMax]
                : [limits.mailboxItemsPerEntityMax / half, limits.mailboxItemsPerPartitionMax / half];
            assert.equal(admitted[level], mine < perEntity && model.length < perPartition);
            if (!admitted[level]) break;
            model.push({ owner, item: next });
            mailbox.push(owners[owner]!, next++);
          } else {
            const first = model.shift();
            assert.equal(mailbox.firstOwner(), first && owners[first.owner]);
            assert.equal(mailbox.shift(), first?.item);
            if (first === undefined) break;
          }
        }
        assert.equal(mailbox.size, model.length);
        assert.equal(load.queuedItems, model.length);
        assert(mailbox.size <= limits.mailboxUrgentItemsPerPartitionMax);
        owners.forEach(({ queuedItems }) => assert(queuedItems <= limits.mailboxUrgentItemsPerEntityMax));
      }
    }),
    { numRuns: 60 },
  );
});

test('a worker that is full takes only what is urgent', () => {
  const mailbox = new Mailbox<MailboxOwner, number>({ queuedItems: limits.mailboxItemsPerWorkerMax });
  assert.deepStrictEqual(
    [0, 1, 2].map((level) => mailbox.admits(level as Urgency, 0)),
    [false, false, true],
  );
});

test('what may be refused: requests that begin something first; ACK, BYE, CANCEL, PRACK, responses and answers last', () => {
  const sip = (method: string, toTag = '', isRequest = true): Input =>
    ({ type: 'sip', message: { isRequest, method, toTag }, flow: undefined }) as unknown as Input;
  for (const method of ['INVITE', 'OPTIONS', 'REGISTER', 'SUBSCRIBE', 'MESSAGE', 'NEW']) {
    assert.equal(urgencyOf(sip(method)), urgency.newWork, method);
    assert.equal(urgencyOf(sip(method, 'tag')), urgency.known, `${method} in a dialog`);
    assert.equal(urgencyOf(sip(method, '', false)), urgency.urgent, `response to ${method}`);
  }
  for (const method of ['ACK', 'BYE', 'CANCEL', 'PRACK']) assert.equal(urgencyOf(sip(method)), urgency.urgent, method);
  const asker = { kind: 'call', key: 'k', id: 1 } as const;
  assert.equal(urgencyOf({ type: 'ask', asker, body: null }), urgency.known);
  for (const input of [
    { type: 'answer', id: 1, body: null },
    { type: 'ask-failed', id: 1 },
    { type: 'tell', body: null },
    { type: 'undelivered', token: 't' },
    { type: 'timer', name: 'n' },
  ] as const)
    assert.equal(urgencyOf(input), urgency.urgent, input.type);
});
