/**
 * Step 6 of the containers' metadata: states kept the text that Docker's clients read of a start that failed. They keep
 * the error itself, which each wire tells in its own words.
 */
import type { DatabaseSync } from 'node:sqlite';

export function rewriteStartFailures(database: DatabaseSync): void {
  const update = database.prepare('UPDATE container_containers SET progress = ? WHERE sequence = ?');
  const rows = database.prepare('SELECT sequence, progress FROM container_containers').all();
  for (const { sequence, progress: json } of rows) {
    const progress: unknown = JSON.parse(String(json));
    if (!hasState(progress)) continue;
    update.run(JSON.stringify({ ...progress, state: rewriteState(progress.state) }), Number(sequence));
  }
}

function hasState(value: unknown): value is { readonly state: object } {
  return typeof value === 'object' && value !== null && 'state' in value && typeof value.state === 'object';
}

function rewriteState(state: object): object {
  if ('before' in state && typeof state.before === 'object' && state.before !== null) {
    return { ...state, before: rewriteState(state.before) };
  }
  if (!('error' in state)) return state;
  const { error, ...others } = state;
  if (typeof error !== 'string' || error === '') return others;
  return { ...others, failure: { code: 'internal', message: error, details: {} } };
}
