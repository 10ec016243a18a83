/** What tests wait with. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

/** Only what never comes takes as long, on the slowest machine. */
const DEADLINE_MS = 120_000;

/**
 * Waits for what happens in the background and is not told.
 *
 * @throws {assert.AssertionError} if it does not happen, with `what`
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string | (() => string),
): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `not yet: ${typeof what === 'string' ? what : what()}`);
    await sleep(5);
  }
}

/** A path whose name is bytes, one a character (latin1): names need be no UTF-8. */
export function bytePath(directory: string, name: string): Buffer {
  return Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(name, 'latin1')]);
}
