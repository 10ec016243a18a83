/** `host:5000/name:tag` taken apart; the tag (or the digest) is empty where none is written. */
export function splitReference(reference: string): { readonly repository: string; readonly tag: string } {
  const at = reference.indexOf('@');
  if (at > 0) return { repository: reference.slice(0, at), tag: reference.slice(at + 1) };
  const colon = reference.indexOf(':', reference.lastIndexOf('/') + 1);
  return colon < 0
    ? { repository: reference, tag: '' }
    : { repository: reference.slice(0, colon), tag: reference.slice(colon + 1) };
}

/** The registry of names without one, as clients keep its credentials. */
export const DOCKER_HUB = 'https://index.docker.io/v1/';

/** The registry that a name means. */
export function registryOf(reference: string): string {
  const first = reference.split('/')[0] ?? '';
  const named = reference.includes('/') && (/[.:]/.test(first) || first === 'localhost');
  return named ? first : DOCKER_HUB;
}
