/** What a case gets from the program around it. */

export interface Run {
  /** Exists, and is empty. */
  readonly folder: string;
  readonly rounds: number;
  /** Of the length or number that the case asks for: 1 all of it, 0.1 for a quick look. */
  readonly share: number;
  /** Calls a second instead of a part of the highest rate; 0: find that out. */
  readonly rate: number;
  progress(text: string): void;
  /** Ports from there on, 100 of them. */
  nextPort(): number;
}

export function fileName(name: string): string {
  return name.replaceAll(/[^a-z0-9]+/gi, '-');
}
