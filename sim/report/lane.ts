/** What the lanes of the time line have in common: an axis and a place for their names. */
import type { Markup } from './markup.ts';

/** A part of the drawing, laid one below the other. */
export interface Lane {
  readonly height: number;
  readonly drawing: Markup;
}

export interface Scale {
  readonly endMs: number;
  x(atMs: number): number;
}

export const width = 1_384;
export const gutter = 118;
