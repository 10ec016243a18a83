import { EngineError } from '#base/errors.ts';

/** The exit codes of a process that was never executed, as shells have them. */
const CANNOT_EXECUTE = 126;
const NOT_FOUND = 127;
/** The container itself could not be made. */
const NO_CONTAINER = 128;

/** The exit code that is reported for a container, or a further process in one, that could not be started. */
export function startExitCode(error: unknown, what: 'container' | 'exec'): number {
  const reason = error instanceof EngineError ? error.reason : undefined;
  if (reason === 'program-not-executable') return CANNOT_EXECUTE;
  if (reason === 'program-missing' || reason === 'interpreter-missing') return NOT_FOUND;
  if (what === 'exec') return CANNOT_EXECUTE;
  return reason === 'no-working-directory' ? NOT_FOUND : NO_CONTAINER;
}
