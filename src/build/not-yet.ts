import { EngineError } from '#base/errors.ts';
import type { Range } from './dockerfile/ast.ts';

/** For what Dockerfiles may say and this builder does not do, with the line that says it. */
export function notYet(what: string, { start }: Range): EngineError {
  return new EngineError(
    'not-implemented',
    `Cannot build Dockerfile: line ${start.line}: ${what} is not implemented yet`,
  );
}
