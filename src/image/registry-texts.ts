/** What registries say, in the words that Docker's clients know. */
import { familiarName, familiarReference, type Reference } from '#oci/reference.ts';
import { RegistryFailure } from '#registry/registry.ts';

/** moby, distribution/errors.go: `not-found` and `forbidden` name what was asked for. */
export function inPullersWords(error: unknown, reference: Reference): unknown {
  if (!(error instanceof RegistryFailure)) return error;
  if (error.code === 'not-found') {
    if (error.registryCode === 'NAME_UNKNOWN')
      return notFound(`repository ${familiarName(reference)} not found: ${error.message}`, error);
    return notFound(`manifest for ${familiarReference(reference)} not found: ${error.message}`, error);
  }
  const isDenied = error.code === 'forbidden' || error.registryCode === 'DENIED';
  if (!isDenied) return error;
  return notFound(
    `pull access denied for ${familiarName(reference)}, repository does not exist or may require 'docker login': ${error.message}`,
    error,
  );
}

function notFound(message: string, cause: RegistryFailure): RegistryFailure {
  return new RegistryFailure('not-found', message, { cause });
}
