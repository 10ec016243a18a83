import { EngineError } from '#base/errors.ts';
import { dockerErrorText } from './docker-error.ts';

/** Does work whose errors Docker tells with what they are about in front: `failed to prune: invalid filter`. */
export async function inContext<T>(context: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof EngineError)) throw cause;
    throw new EngineError(cause.code, `${context}: ${dockerErrorText(cause)}`, { cause });
  }
}
