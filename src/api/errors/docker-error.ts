/**
 * How Docker's clients are told an error: the status of its code and its own message, unless its reason has an entry
 * here. An entry is Docker's own text, where clients match it or people know it, and Docker's own status where that is
 * not the status of the code.
 */
import { EngineError, messageOf } from '#base/errors.ts';
import { STATUS } from '../status.ts';
import { DOCKER_ERRORS } from './docker-errors.ts';

/** The status and the text of anything thrown, for an answer. */
export function dockerError(error: unknown): { readonly status: number; readonly message: string } {
  if (!(error instanceof EngineError)) return { status: 500, message: messageOf(error) };
  const entry = error.reason === undefined ? 'plain' : (DOCKER_ERRORS.get(error.reason) ?? 'plain');
  if (entry === 'plain') return { status: STATUS[error.code], message: error.message };
  return { status: entry.status ?? STATUS[error.code], message: entry.message?.(error) ?? error.message };
}

/** The text alone, for a stream that has begun. */
export function dockerErrorText(error: unknown): string {
  return dockerError(error).message;
}
