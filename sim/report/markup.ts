/** Pieces of HTML and SVG. Everything that comes from a world goes through `text` or an attribute here: nothing of it is markup. */
import { nodeName } from '../options.ts';

/** Markup that is ready; a plain string is not. */
export class Markup {
  readonly html: string;

  constructor(html: string) {
    this.html = html;
  }
}

type Content = Markup | string | number;
type Attributes = Readonly<Record<string, string | number | undefined>>;

const emptyTags: ReadonlySet<string> = new Set(['meta', 'link', 'br', 'hr']);

/** An element. Attributes that are undefined are left out. */
export function tag(name: string, attributes: Attributes = {}, ...content: readonly Content[]): Markup {
  let html = `<${name}`;
  for (const [key, value] of Object.entries(attributes))
    if (value !== undefined) html += ` ${key}="${escaped(typeof value === 'number' ? round(value) : value)}"`;
  html += '>';
  if (emptyTags.has(name)) return new Markup(html);
  for (const each of content) html += each instanceof Markup ? each.html : escaped(String(each));
  return new Markup(`${html}</${name}>`);
}

export function all(parts: readonly Markup[]): Markup {
  return new Markup(parts.map(({ html }) => html).join(''));
}

export function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** Coordinates need no more. */
export function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}

export function seconds(atMs: number, digits = 3): string {
  return `${(atMs / 1_000).toFixed(digits)} s`;
}

/** Class of the colour of a node, by its name or that of its process. */
export function colourOf(node: string): string {
  const id = node.split('.')[0]!;
  for (let index = 0; index < coloursMax; index++) if (nodeName(index) === id) return `n${index}`;
  return `n${coloursMax - 1}`;
}

export const coloursMax = 8;
