/** Nothing that this turn lets out may leave before the store has the call as it is now. */
import type { Act } from './act.ts';

export function save(act: Act): void {
  act.state.saved = true;
  act.turn.save('store');
}
