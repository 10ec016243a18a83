/** What the commands of `manifest` share. */
import { isEngineError } from '#base/errors.ts';
import { inspectManifest } from '#client/manifests.ts';
import { canonicalReference, familiarReference, parseReference, withDefaultTag } from '#oci/reference.ts';
import type { ManifestInspect } from '#wire/manifest.ts';
import type { Context } from '../context.ts';
import { booleanFlag } from '../flag.ts';
import { registryAuthHeader } from '../registry-credentials.ts';
import { ExitError } from '../usage-error.ts';

export const insecureFlag = booleanFlag('Allow communication with an insecure registry');

/** A name as lists and files know it: `docker.io/library/app:latest`. @throws {EngineError} `invalid` */
export function canonical(name: string): string {
  return canonicalReference(withDefaultTag(parseReference(name)));
}

/** Asks the registry. @throws {ExitError} where it has none */
export async function fetchManifest(
  context: Context,
  reference: string,
  insecure: boolean,
): Promise<ManifestInspect> {
  const headers = registryAuthHeader(context, reference);
  try {
    return await inspectManifest(context.client, reference, { headers, insecure });
  } catch (error) {
    if (!isEngineError(error, 'not-found')) throw error;
    throw new ExitError(1, `no such manifest: ${familiarReference(parseReference(reference))}`);
  }
}

export function noSuchList(reference: string): ExitError {
  return new ExitError(1, `No such manifest: ${reference}`);
}
