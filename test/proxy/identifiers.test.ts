/** Identifiers: the same on any node, different for different calls. Seen failing with: the separator left out of `mac`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Identifiers, branchPrefix } from '../../src/proxy/identifiers.ts';

const one = new Identifiers(Buffer.from('secret'));
const other = new Identifiers(Buffer.from('secret'));
const stranger = new Identifiers(Buffer.from('Secret'));
const partition = fc.integer({ min: 0, max: 4095 });
const name = fc.string({ maxLength: 40 });

test('two nodes with one secret compute the same, with another secret something else', () => {
  fc.assert(
    fc.property(partition, name, fc.nat(15), (p, text, index) => {
      const loop = Identifiers.loop(text);
      assert.equal(one.branch(p, loop, text, index), other.branch(p, loop, text, index));
      assert.equal(one.tag(p, text), other.tag(p, text));
      assert.equal(one.routeProof(p, text), other.routeProof(p, text));
      assert.notEqual(one.routeProof(p, text), stranger.routeProof(p, text));
      assert.notEqual(one.tag(p, text), stranger.tag(p, text));
    }),
  );
});

test('branches are tokens with the cookie, different for each identity and index; the loop hash is read back', () => {
  fc.assert(
    fc.property(partition, name, name, fc.nat(20), fc.nat(20), (p, a, b, i, j) => {
      const loop = Identifiers.loop(a);
      const branch = one.branch(p, loop, a, i);
      assert.match(branch, /^z9hG4bK[.a-z0-9]+$/);
      assert.equal(Identifiers.loopOf(branch), loop);
      if (a !== b || i !== j) assert.notEqual(branch, one.branch(p, loop, b, j));
      if (a !== b) assert.notEqual(loop, Identifiers.loop(b));
    }),
  );
});

test('what one purpose proves says nothing for another', () => {
  const hint = Identifiers.hint(7);
  const values = new Set([
    one.tag(7, 'x'),
    one.routeProof(7, 'x'),
    `${hint}${one.branch(7, '', 'x', 0).slice(branchPrefix.length + 3, -1)}`,
  ]);
  assert.equal(values.size, 3);
});

test('the hint tells all 4096 partitions apart', () => {
  assert.equal(new Set(Array.from({ length: 4096 }, (_, p) => Identifiers.hint(p))).size, 4096);
});

test('a branch that is not ours has no loop hash', () => {
  for (const branch of ['', 'z9hG4bK', 'z9hG4bKother', 'c123']) assert.equal(Identifiers.loopOf(branch), '');
});
