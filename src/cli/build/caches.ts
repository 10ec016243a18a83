import { existsSync } from 'node:fs';
import { diskDirectory } from '#client/build/directory-provider.ts';
import type { DirectoryProvider } from '#client/build/providers.ts';
import type { WireTypedAttributes } from '#wire/build-request.ts';
import { fieldsOf } from './secrets.ts';

/** `type=registry,ref=…`, or a reference alone. */
export function parseCache(text: string): WireTypedAttributes {
  if (!text.includes('=')) return { type: 'registry', attributes: { ref: text } };
  const { type = 'registry', ...attributes } = Object.fromEntries(fieldsOf(text, 'cache'));
  return { type, attributes };
}

/** What the engine asks for the caches of this client's by (`type=local,src=DIR`). */
export function cacheDirectories(
  texts: readonly string[],
): readonly (readonly [string, DirectoryProvider])[] {
  return texts
    .map(parseCache)
    .flatMap(({ type, attributes: { src = '' } }) =>
      type === 'local' && existsSync(src) ? [[`cache:${src}`, diskDirectory(src)] as const] : [],
    );
}

/** Where caches are written to, in the order of the flags; empty for those that are kept elsewhere. */
export function cacheDestinations(texts: readonly string[]): readonly string[] {
  return texts.map((text) => parseCache(text).attributes['dest'] ?? '');
}
