/** Which of the telephone tools are installed. Tests that need one are skipped with its name where it is missing. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** `false` when all are there, else the reason to skip. */
export function missing(...tools: readonly string[]): string | false {
  const absent = tools.filter((tool) => !isInstalled(tool));
  return absent.length === 0 ? false : `${absent.join(', ')} not installed`;
}

function isInstalled(tool: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
