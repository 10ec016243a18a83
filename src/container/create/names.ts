import { randomInt } from 'node:crypto';
import { EngineError } from '#base/errors.ts';
import { shortId } from '#base/ids.ts';
import { ADJECTIVES, SURNAMES } from './name-words.ts';

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
const ATTEMPTS = 6;

/**
 * The name without its leading slash.
 *
 * @throws {EngineError} `invalid`, with Docker's text
 */
export function validateName(name: string): string {
  const bare = name.replace(/^\//, '');
  if (NAME.test(bare)) return bare;
  const message = `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`;
  throw new EngineError('invalid', message);
}

/** A random name as Docker makes them, with a digit behind it if need be; in the end the short id. */
export function generateName(id: string, isTaken: (name: string) => boolean): string {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const name = `${pick(ADJECTIVES)}_${pick(SURNAMES)}${attempt === 0 ? '' : randomInt(10)}`;
    if (!isTaken(name)) return name;
  }
  return shortId(id);
}

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)] ?? '';
}

/** Docker's text for a name that another container has. */
export function nameConflict(name: string, ownerId: string): EngineError {
  return new EngineError(
    'conflict',
    `Conflict. The container name "/${name}" is already in use by container "${ownerId}". ` +
      'You have to remove (or rename) that container to be able to reuse that name.',
  );
}
