import { EngineError } from '#base/errors.ts';

const TYPES: readonly string[] = ['inline', 'registry', 'local'];

export function isCacheType(type: string): boolean {
  return TYPES.includes(type);
}

/** Caches of clouds (`gha`, `s3`, `azblob`) among them. */
export function unknownCache(action: 'import' | 'export', type: string): EngineError {
  return new EngineError(
    'invalid',
    `Cannot ${action} cache of type ${type}: this engine has ${TYPES.join(', ')}; use type=registry,ref=HOST/NAME instead`,
  );
}
