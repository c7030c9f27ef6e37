/** Counters in the text format of Prometheus, version 0.0.4. */
import type { Counter } from './port.ts';

/** Samples of one name stand together under one HELP and TYPE, in the order of their first sample. */
export function metricsText(counters: readonly Counter[]): string {
  const families = new Map<string, Counter[]>();
  for (const counter of counters) {
    const family = families.get(counter.family ?? counter.name);
    if (family === undefined) families.set(counter.family ?? counter.name, [counter]);
    else family.push(counter);
  }
  let text = '';
  for (const [name, [first, ...others]] of families) {
    if (first === undefined) continue;
    text += `# HELP ${name} ${escapeHelp(first.help)}\n# TYPE ${name} ${first.type}\n`;
    for (const counter of [first, ...others])
      text += `${counter.name}${labelsText(counter.labels)} ${valueText(counter.value)}\n`;
  }
  return text;
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function valueText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return String(value);
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
