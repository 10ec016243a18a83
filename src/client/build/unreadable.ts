import { printableName } from '#base/byte-text.ts';
import { EngineError } from '#base/errors.ts';

const REASONS: ReadonlyMap<unknown, string> = new Map([
  ['EACCES', 'permission denied; what a build does not need can be named in .dockerignore'],
  ['ENOENT', 'it is gone since the build began'],
  ['ELOOP', 'it is a link since the build began'],
]);

/** What a client says of a file that it cannot send. */
export function unreadable(path: string, cause: unknown): EngineError {
  const code = codeOf(cause);
  const reason = REASONS.get(code) ?? code ?? 'it cannot be read';
  return new EngineError('invalid', `Cannot send ${printableName(path)}: ${reason}`, { cause });
}

export function codeOf(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
}
