/** Waiting in tests of sockets: for a condition, and never for long. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves once `condition` holds; fails after `limitMs`. */
export async function until(condition: () => boolean, limitMs = 5_000): Promise<void> {
  for (const start = performance.now(); !condition();) {
    assert(performance.now() - start < limitMs, `waited ${limitMs} ms in vain for ${condition.toString()}`);
    await sleep(5);
  }
}
