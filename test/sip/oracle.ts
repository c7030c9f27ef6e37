/**
 * The grammar a second time, as regular expressions: what the parser accepts must obey it. Written from RFC 3261 25.1
 * with no look at the parser, slow and plain.
 */

const token = "[A-Za-z0-9.!%*_+`'~-]";
const ws = '[ \\t\\r\\n]';
const quoted = '"(?:[^"\\\\]|\\\\[\\x00-\\x09\\x0b\\x0c\\x0e-\\x7f])*"';
// No class of blanks by name: in a regular expression it has the octet 0xa0, which here is a part of UTF-8.
const param = `${ws}*;${ws}*${token}+(?:${ws}*=${ws}*(?:${quoted}|[^ ",;<>\\\\\\x00-\\x1f\\x7f]+))?`;
const uri = '[A-Za-z][A-Za-z0-9.!%*_+`\'~-]*:[^\\s<>"\\x00-\\x20\\x7f-\\xff]+';
const bareUri = '[A-Za-z][A-Za-z0-9.!%*_+`\'~-]*:[^\\s<>",;?\\x00-\\x20\\x7f-\\xff]+';
const display = `(?:${quoted}|(?:[A-Za-z0-9.!%*_+\`'~\\x80-\\xff-]|${ws})*)`;
const address = `(?:${display}${ws}*<${uri}>|${bareUri})(?:${param})*${ws}*`;
const host = '(?:[A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\])';
const via = `SIP${ws}*/${ws}*2\\.0${ws}*/${ws}*${token}+${ws}+${host}(?:${ws}*:${ws}*[0-9]{1,5})?(?:${param})*${ws}*`;

const startLine = new RegExp(
  `^(?:${token}{1,64} [^\\s<>"\\x00-\\x20\\x7f-\\xff]{1,2048} SIP/2\\.0|SIP/2\\.0 [1-6][0-9]{2} [^\\x00-\\x08\\x0a-\\x1f\\x7f]*)$`,
  'i',
);
const headerLine = new RegExp(`^(${token}{1,128})[ \\t]*:([^]*)$`);
const whole = (pattern: string): RegExp => new RegExp(`^${pattern}$`, 'i');
const list = (pattern: string): RegExp => new RegExp(`^${pattern}(?:,${ws}*${pattern})*$`, 'i');

const grammars: Readonly<Record<string, RegExp>> = {
  'via': list(via),
  'from': whole(address),
  'to': whole(address),
  'contact': new RegExp(`^(?:\\*|${address}(?:,${ws}*${address})*)$`, 'i'),
  'route': list(address),
  'record-route': list(address),
  'call-id': /^[\x21-\x7e]{1,512}$/,
  'cseq': new RegExp(`^[0-9]+${ws}+${token}{1,64}$`),
  'content-length': /^[0-9]{1,7}$/,
};

const compact: Readonly<Record<string, string>> = {
  v: 'via',
  f: 'from',
  t: 'to',
  m: 'contact',
  i: 'call-id',
  l: 'content-length',
};
const exactlyOne = ['from', 'to', 'call-id', 'cseq'];

/** What is wrong with a message that was accepted; undefined when nothing is. */
export function objection(bytes: Buffer): string | undefined {
  const text = bytes.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  const head = text.slice(0, end);
  if (end < 0 || /\r(?!\n)|(?<!\r)\n/.test(head)) return 'line ends';
  const [start, ...lines] = head.split(/\r\n(?![ \t])/);
  if (start === undefined || !startLine.test(start)) return `start line ${start}`;
  const count = new Map<string, number>();
  for (const line of lines) {
    const match = headerLine.exec(line);
    if (match === null) return `header line ${line}`;
    const lowerName = (match[1] ?? '').toLowerCase();
    const name = Object.hasOwn(compact, lowerName) ? (compact[lowerName] ?? '') : lowerName;
    const value = (match[2] ?? '').replaceAll(/^[ \t\r\n]+|[ \t\r\n]+$/g, '');
    count.set(name, (count.get(name) ?? 0) + 1);
    if (hasControls(value)) return `control octets in ${line}`;
    if (Object.hasOwn(grammars, name) && grammars[name]?.test(value) === false) return `${name}: ${value}`;
    if (name === 'cseq' && BigInt(/^\d+/.exec(value)?.[0] ?? 0) >= 2n ** 31n) return 'CSeq too large';
    if (name === 'content-length' && Number(value) !== bytes.length - end - 4)
      return 'Content-Length is not the length of the body';
  }
  for (const name of exactlyOne) if (count.get(name) !== 1) return `${count.get(name) ?? 0} ${name}`;
  if (!count.has('via')) return 'no Via';
  return (count.get('content-length') ?? 0) > 1 ? 'two Content-Lengths' : undefined;
}

/** Control octets other than in quoted-pairs of quoted strings. */
function hasControls(value: string): boolean {
  if (!/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(value)) return false;
  const plain = value.replaceAll(/"(?:[^"\\]|\\[^\r\n])*"/g, (string) => string.replaceAll(/\\[^]/g, ''));
  return /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(plain);
}
