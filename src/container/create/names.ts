import { randomInt } from 'node:crypto';
import { shortId } from '#base/ids.ts';
import { containerError } from '../container-errors.ts';
import { ADJECTIVES, SURNAMES } from './name-words.ts';

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
const ATTEMPTS = 6;

/**
 * The name without its leading slash.
 *
 * @throws {EngineError} `container-name-invalid`
 */
export function validateName(name: string): string {
  const bare = name.replace(/^\//, '');
  if (NAME.test(bare)) return bare;
  throw containerError('container-name-invalid', { subject: name });
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
