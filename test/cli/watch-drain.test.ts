// The words of a drain. Seen failing with: a node that came back taken for one that is still there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterView, NodeView } from '../../src/admin/port.ts';
import { progressText, watchDrain } from '../../src/cli/watch-drain.ts';

const nothing = { schema: 1, links: [], groups: [] };

function view(asked: string, over: Partial<NodeView> = {}, clients = 0): ClusterView {
  const load = { calls: 4, registrations: 0, received: 0, lateMs: 0, clients };
  const b = {
    id: 'b',
    incarnation: 5,
    status: 'draining' as const,
    link: '',
    admin: '',
    zone: '',
    workers: 1,
    partitions: 0,
    load,
  };
  return {
    name: 'test',
    node: asked,
    epoch: 1,
    storeUp: true,
    nodes: [{ ...b, ...over }],
    owners: [],
    moving: 0,
    ...nothing,
  };
}

/** Answers one after the other; `undefined` is none. */
async function words(answers: readonly (ClusterView | undefined)[]): Promise<string[]> {
  const said: string[] = [];
  let at = 0;
  const admin = {
    cluster: async (): Promise<ClusterView> => {
      const answer = answers[Math.min(at++, answers.length - 1)];
      if (answer === undefined) throw new Error('no node answers');
      return answer;
    },
  };
  await watchDrain(admin, 'b', (progress) => said.push(progressText(progress)), 0);
  return said;
}

test('each change once, until the node has left', async () => {
  const two = view('a', { partitions: 2 });
  assert.deepEqual(
    await words([two, two, undefined, view('a', {}, 3), view('a', {}, 1), view('a', { status: 'dead' })]),
    [
      'node b has 2 partitions and 4 calls to hand over',
      'node b has handed everything over and keeps 3 connections',
      'node b has handed everything over and keeps 1 connections',
      'node b has left',
    ],
  );
});

test('a node that came back has left before', async () => {
  assert.equal((await words([view('a'), view('a', { incarnation: 6, status: 'up' })])).at(-1), 'node b has left');
});

test('the leaving node itself was asked: its silence is its end', async () => {
  assert.equal((await words([view('b'), undefined])).at(-1), 'node b has left');
});

test('another one was asked: its silence is an error', async () => {
  await assert.rejects(words([view('a'), undefined]), /no node answers/);
});
