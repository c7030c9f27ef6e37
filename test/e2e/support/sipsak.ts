/**
 * Runs sipsak. The server is named by its address alone and the port by -r: sipsak 0.9.8 loses the last digit of a port
 * in the address.
 */
import { finish, start } from './children.ts';

export interface SipsakResult {
  readonly code: number | undefined;
  readonly output: string;
}

export async function sipsak(name: string, args: readonly string[], folder: string): Promise<SipsakResult> {
  const child = start(name, 'sipsak', args, { log: `${folder}/${name}.log`, cwd: folder });
  const code = await finish(child, 10_000);
  return { code, output: child.output() };
}
