/** Header fields of a message that was cut into lines. */

export function value(sip: { readonly lines: readonly string[] }, name: string): string {
  return all(sip, name)[0] ?? '';
}

export function all(sip: { readonly lines: readonly string[] }, name: string): string[] {
  const prefix = `${name.toLowerCase()}:`;
  return sip.lines
    .filter((line) => line.toLowerCase().startsWith(prefix))
    .map((line) => line.slice(prefix.length).trim());
}

export function tagOf(address: string): string {
  return /;tag=([^;>]+)/.exec(address)?.[1] ?? '';
}
