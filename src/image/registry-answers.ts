import { familiarName, familiarReference, type Reference } from '#oci/reference.ts';
import { RegistryFailure } from '#registry/registry-failure.ts';
import { imageError } from './image-errors.ts';

/** A registry's refusal as what it means for an image that was asked for; any other error as it is. */
export function asImageError(error: unknown, reference: Reference): unknown {
  if (!(error instanceof RegistryFailure)) return error;
  const { registryCode, code, message: answer } = error;
  const facts = { details: { answer }, cause: error };
  if (code === 'not-found')
    return registryCode === 'NAME_UNKNOWN'
      ? imageError('repository-unknown', { subject: familiarName(reference), ...facts })
      : imageError('manifest-unknown', { subject: familiarReference(reference), ...facts });
  const isDenied = code === 'forbidden' || registryCode === 'DENIED';
  return isDenied ? imageError('pull-denied', { subject: familiarName(reference), ...facts }) : error;
}
