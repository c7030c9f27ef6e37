/** docs/CONFIG.md, written from the schema so that it cannot drift; a test compares the file with this. */
import * as z from 'zod';
import { configSchema } from './schema.ts';

interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
}

const preamble = `# Configuration

One file, \`.json\`, \`.yaml\` or \`.ts\` (the value exported as \`default\` or \`config\`). \`carillon config check FILE\` says
what is wrong and where; unknown fields are refused with the nearest known name. A string that begins with \`env:\` is
replaced by that environment variable. Relative paths start at the folder of the file.

The smallest file:

\`\`\`json
{
  "cluster": { "secret": "env:CARILLON_SECRET" },
  "domains": ["example.test"],
  "users": [{ "aor": "sip:1001@example.test", "password": "env:PASSWORD_1001" }]
}
\`\`\`

This page is written from the schema (\`npm run docs\`); do not edit it by hand.

| field | type | default | meaning |
| --- | --- | --- | --- |
`;

export function configDocument(): string {
  const rows: string[] = [];
  addRows(z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as JsonSchema, '', rows);
  return `${preamble}${rows.join('\n')}\n`;
}

function addRows(schema: JsonSchema, prefix: string, rows: string[]): void {
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const path = prefix + name;
    const required = schema.required?.includes(name) === true;
    const isGroup = field.properties !== undefined;
    const fallback = required
      ? 'required'
      : isGroup || field.default === undefined
        ? ''
        : code(JSON.stringify(field.default));
    rows.push(`| \`${path}\` | ${typeOf(field)} | ${fallback} | ${cell(field.description ?? '')} |`);
    addRows(field, `${path}.`, rows);
    if (field.items?.properties !== undefined) addRows(field.items, `${path}[].`, rows);
  }
}

function typeOf(field: JsonSchema): string {
  if (field.type === 'array') return field.items?.type === 'string' ? 'list of strings' : 'list';
  if (field.type !== 'integer') return field.type ?? 'any';
  return `integer ${field.minimum} to ${field.maximum}`;
}

function code(text: string): string {
  return `\`${cell(text)}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
