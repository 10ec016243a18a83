import type { Digest } from '#oci/digest.ts';

export type ContentHeaders = Readonly<Record<'Content-Type' | 'Docker-Content-Digest' | 'ETag', string>>;

/** Headers of everything that never changes under its name. */
export function contentHeaders(digest: Digest, mediaType: string): ContentHeaders {
  return { 'Content-Type': mediaType, 'Docker-Content-Digest': digest, ETag: `"${digest}"` };
}
