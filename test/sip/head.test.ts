/** The index against a model that splits the text the slow way. Seen failing with: a fold of white space only kept as value. */
import assert from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { contentLength, head, indexHead } from '../../src/sip/head.ts';
import { HeaderId, headerFacts, headerIdOf } from '../../src/sip/header/names.ts';
import { message } from '../arbitraries/sip.ts';

interface Line {
  readonly id: number;
  readonly start: number;
  readonly value: string;
}

function indexed(bytes: Buffer): Line[] {
  const lines: Line[] = [];
  for (let i = 0; i < head.length; i += 2) {
    const span = head.lines[i + 1] ?? 0;
    lines.push({
      id: (head.lines[i] ?? 0) >> 15,
      start: (head.lines[i] ?? 0) & 0x7fff,
      value: bytes.toString('latin1', span >> 15, span & 0x7fff),
    });
  }
  return lines;
}

function split(bytes: Buffer): Line[] {
  const text = bytes.toString('latin1');
  let start = text.indexOf('\r\n') + 2;
  return text
    .slice(start, text.indexOf('\r\n\r\n'))
    .split(/\r\n(?![ \t])/)
    .map((line) => {
      const at = start;
      start += line.length + 2;
      const colon = line.indexOf(':');
      return {
        id: headerIdOf(line.slice(0, colon).trim()),
        start: at,
        value: line.slice(colon + 1).replaceAll(/^[ \t\r\n]+|[ \t\r\n]+$/g, ''),
      };
    });
}

test('every line is found where it is, with its name and its trimmed value', () => {
  fc.assert(
    fc.property(message, ({ bytes }) => {
      assert.strictEqual(indexHead(bytes), undefined);
      const lines = split(bytes);
      assert.deepStrictEqual(indexed(bytes), lines);
      assert.strictEqual(head.startLineEnd, bytes.indexOf('\r\n'));
      assert.strictEqual(head.end, bytes.indexOf('\r\n\r\n') + 4);
      for (const { id } of headerFacts.slice(1)) {
        const at = lines.findIndex((line) => line.id === id);
        assert.strictEqual(head.first[id], at < 0 ? 0 : at * 2 + 1);
      }
      assert.strictEqual(contentLength(bytes), bytes.length - head.end);
    }),
    { numRuns: 1500 },
  );
});

test('a prefix of a head is unfinished, never something else', () => {
  fc.assert(
    fc.property(message, fc.nat(), ({ bytes }, cut) => {
      indexHead(bytes);
      const at = cut % head.end;
      assert.strictEqual(indexHead(bytes.subarray(0, at)), 'head-unfinished');
    }),
    { numRuns: 500 },
  );
});

test('a second line of what may stand once is noted, the first one counts', () => {
  const bytes = Buffer.from('A sip:b SIP/2.0\r\nTo: 1\r\nl: 5\r\nt: 2\r\nL: 6\r\nVia: x\r\nv: y\r\n\r\n');
  assert.strictEqual(indexHead(bytes), undefined);
  assert.deepStrictEqual([head.repeated, head.contentLengths, contentLength(bytes)], [HeaderId.To, 2, -2]);
  assert.strictEqual(indexed(bytes)[(head.first[HeaderId.To] ?? 0) >> 1]?.value, '1');
});
