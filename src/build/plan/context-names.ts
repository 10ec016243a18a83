import { isEngineError } from '#base/errors.ts';
import { familiarReference, parseReference, withDefaultTag } from '#oci/reference.ts';
import type { BuildRequest } from '../build.ts';
import type { FileSource } from '../definition/vertex.ts';
import { layoutName } from '../bases/layout-image.ts';

/** What stands in the place of a stage or an image. */
export type NamedSource =
  | { readonly kind: 'files'; readonly source: FileSource }
  | { readonly kind: 'image'; readonly reference: string };

/** The named contexts of a build (`--build-context`), by what a Dockerfile calls them. */
export class ContextNames {
  readonly #sources: ReadonlyMap<string, NamedSource>;

  /** @param files by name in lower case */
  constructor(contexts: NonNullable<BuildRequest['namedContexts']>, files: ReadonlyMap<string, FileSource>) {
    const all = new Map<string, NamedSource>();
    for (const [name, context] of Object.entries(contexts)) {
      const source = files.get(name.toLowerCase());
      if (context.kind === 'image') all.set(shortest(name), { kind: 'image', reference: context.reference });
      else if (context.kind === 'oci-layout')
        all.set(shortest(name), { kind: 'image', reference: layoutName(context) });
      else if (source) all.set(shortest(name), { kind: 'files', source });
    }
    this.#sources = all;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** @param name of a stage or an image, however it is written */
  get(name: string): NamedSource | undefined {
    return this.#sources.size === 0 ? undefined : this.#sources.get(shortest(name));
  }
}

/** Equal for names of the same image. */
function shortest(name: string): string {
  const lower = name.toLowerCase();
  try {
    return familiarReference(withDefaultTag(parseReference(lower))).replace(/:latest$/, '');
  } catch (error) {
    if (isEngineError(error, 'invalid')) return lower;
    throw error;
  }
}
