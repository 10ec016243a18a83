/** What is wrong with a Dockerfile, and where. */
import { EngineError, factsOf } from '#base/errors.ts';
import type { Range, SourceFile } from './ast.ts';

/**
 * An `invalid` {@link EngineError} that knows its place. `ranges` are all places that take part (a cycle has
 * several), the one to show first in front; `source` is there once the error has left the parser.
 */
export class DockerfileError extends EngineError {
  override readonly name: string = 'DockerfileError';
  readonly ranges: readonly Range[];
  readonly source: SourceFile | undefined;

  constructor(message: string, ranges: readonly Range[], options: DockerfileErrorOptions = {}) {
    super('invalid', message, { cause: options.cause, ...sameFacts(options.cause, message) });
    this.ranges = ranges;
    this.source = options.source;
  }
}

/** An error that only gets a place stays what it is: wires may have words of their own for it. */
function sameFacts(cause: unknown, message: string): ReturnType<typeof factsOf> {
  return cause instanceof EngineError && cause.message === message ? factsOf(cause) : {};
}

export interface DockerfileErrorOptions {
  readonly cause?: unknown;
  readonly source?: SourceFile;
}

/** Runs `action`; an `invalid` error without a place gets `range`, and every one gets `prefix` and `source`. */
export function withPlace<T>(
  place: { readonly range: Range; readonly prefix?: string; readonly source?: SourceFile },
  action: () => T,
): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'invalid') throw error;
    const ranges = error instanceof DockerfileError ? error.ranges : [place.range];
    const known = error instanceof DockerfileError ? error.source : undefined;
    const source = known ?? place.source;
    throw new DockerfileError(`${place.prefix ?? ''}${error.message}`, ranges, {
      cause: error,
      ...(source === undefined ? {} : { source }),
    });
  }
}

/** An `invalid` error whose place the caller adds ({@link withPlace}). */
export function invalid(message: string): EngineError {
  return new EngineError('invalid', message);
}
