/** A counter of calls against its model, and proof that the model sees mistakes. */
import { checkModel } from './check.ts';

const places = 'src/limit/places.ts';
const actor = 'actors/limit/behaviour.ts';

checkModel('limit', [
  { file: places, line: 'if (this.size >= places ||', instead: 'if (this.size > places ||' },
  { file: places, line: "      return 'again';", instead: '' },
  { file: places, line: 'return `${callId} ${tag}`;', instead: 'return callId;' },
  { file: places, line: 'const taken = this.take(callId, tag, Infinity, nowMs);', instead: "const taken = 'full';" },
  {
    file: places,
    line: '    for (const [callId, tag, sinceMs] of rows',
    instead: '    for (const [callId, tag, sinceMs] of [] as typeof rows',
  },
  {
    file: actor,
    line: "    state.calls = calls;\n    turn.save('store');",
    instead: "    state.calls = calls;\n    turn.save('none');",
  },
  {
    file: actor,
    line: "if (state.places.release(asker.key, question.tag)) turn.save('store');",
    instead: 'state.places.release(asker.key, question.tag);',
  },
  { file: actor, line: '  if (holds !== false || state', instead: '  if (holds !== true || state' },
  { file: actor, line: '  if (state.places.size > 0) armDoubts(state, turn);\n}', instead: '}' },
  { file: actor, line: '  if (state.places.size > 0) armDoubts(state, turn);\n  armEnd', instead: '  armEnd' },
]);
